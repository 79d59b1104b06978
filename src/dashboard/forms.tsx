import type { Child } from 'hono/jsx';
import { FORM_TOKEN, type Session } from './session.ts';

interface FormProps {
  readonly session: Session;
  readonly action: string;
  readonly class?: string;
  /** Sent as well, unseen. */
  readonly hidden?: Readonly<Record<string, string>>;
  readonly children: Child;
}

/**
 * A form that is sent by POST, with the token of its session. Browsers neither keep nor fill in what it
 * holds: it can be personal, and another session has another token.
 */
export function Form({ session, action, class: name, hidden = {}, children }: FormProps) {
  return (
    <form method="post" action={action} class={name} autocomplete="off">
      {Object.entries({ [FORM_TOKEN]: session.formToken ?? '', ...hidden }).map(([key, value]) => (
        <input type="hidden" name={key} value={value} />
      ))}
      {children}
    </form>
  );
}

interface NextPageProps {
  readonly session: Session;
  readonly action: string;
  /** What was asked, and where the next page starts: by POST, so that it is in no URL. */
  readonly asked: Readonly<Record<string, string>>;
  readonly label: string;
}

/** The button for the next page of a list. */
export function NextPage({ session, action, asked, label }: NextPageProps) {
  return (
    <Form session={session} action={action} hidden={asked}>
      <div class="actions">
        <button type="submit" class="second">
          {label}
        </button>
      </div>
    </Form>
  );
}

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly isRequired?: boolean;
  /** What can be searched for. */
  readonly hint: string;
}

/** The field `text` of a search. */
export function SearchField({ label, value, isRequired = false, hint }: SearchFieldProps) {
  return (
    <div class="field wide">
      <label for="text">{label}</label>
      <input
        id="text"
        name="text"
        type="search"
        value={value}
        maxlength={2048}
        required={isRequired}
        spellcheck={false}
        aria-describedby="text-hint"
      />
      <small id="text-hint" class="quiet">
        {hint}
      </small>
    </div>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  /** Values, and what they are called. */
  readonly options: readonly (readonly [value: string, text: string])[];
}

/** A field with a list to choose from. */
export function Choice({ name, label, value, options }: ChoiceProps) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <select id={name} name={name}>
        {options.map(([each, text]) => (
          <option value={each} selected={each === value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
