import type { Command } from 'commander';
import { withSubcommands } from '../help.ts';

/** The shells that have a script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The first argument by which a script asks for words. People do not type it. */
export const COMPLETE = '__complete';

const BASH = `# Completion of cognito-mirror for bash.
_cognito_mirror() {
  local reply
  COMPREPLY=()
  while IFS= read -r reply; do
    COMPREPLY+=("$reply")
    # A pool is followed by the name of its snapshot.
    [[ $reply == */ ]] && compopt -o nospace 2>/dev/null
  done < <("$1" ${COMPLETE} bash "\${COMP_LINE:0:COMP_POINT}" "\${COMP_WORDS[COMP_CWORD]}" 2>/dev/null)
}
complete -o bashdefault -o default -F _cognito_mirror cognito-mirror
`;

const ZSH = `#compdef cognito-mirror
# Completion of cognito-mirror for zsh.
_cognito_mirror() {
  local line
  local -a lines open openTexts closed closedTexts
  lines=("\${(@f)$("\${(Q)words[1]}" ${COMPLETE} zsh "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  for line in "\${(@)lines:#}"; do
    if [[ "\${line%%$'\\t'*}" == */ ]]; then
      open+=("\${line%%$'\\t'*}"); openTexts+=("\${line/$'\\t'/  }")
    else
      closed+=("\${line%%$'\\t'*}"); closedTexts+=("\${line/$'\\t'/  }")
    fi
  done
  (( \${#open} + \${#closed} )) || { _files; return }
  (( \${#open} )) && compadd -S '' -l -d openTexts -a open
  (( \${#closed} )) && compadd -l -d closedTexts -a closed
}
if [ "$funcstack[1]" = _cognito_mirror ]; then
  _cognito_mirror "$@"
else
  compdef _cognito_mirror cognito-mirror
fi
`;

const FISH = `# Completion of cognito-mirror for fish.
function __cognito_mirror_complete
    set -l words (commandline -opc)
    command $words[1] ${COMPLETE} fish $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c cognito-mirror -f -a '(__cognito_mirror_complete)'
`;

/** The script of a shell. It asks the program for every word, so that it is never out of date. */
export function completionScript(shell: Shell, program: Command): string {
  if (shell === 'bash') return BASH;
  if (shell === 'zsh') return ZSH;
  const options = withSubcommands(program).flatMap(({ options: own }) => own);
  const files = options.filter(({ flags }) => flags.includes('<file>')).map(({ long }) => long);
  const lines = [...new Set(files)].map(
    (long) => `complete -c cognito-mirror -l ${long?.slice(2)} -r -F\n`,
  );
  return FISH + lines.join('');
}
