/** Makes Postgres refuse every user that is published, with a message that quotes the row. */
export const REFUSE_USERS = `
  CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'for % of %', NEW.username, NEW.attributes USING ERRCODE = '22000'; END
  $$;
  CREATE TRIGGER refusing BEFORE INSERT OR UPDATE ON directory.users
  FOR EACH ROW EXECUTE FUNCTION public.refuse()`;

export const TAKE_USERS = 'DROP FUNCTION public.refuse() CASCADE';
