#!/usr/bin/env bash
# completions.sh PROGRAMS OUT: writes the completion scripts of the programs in PROGRAMS to OUT/{bash,zsh,fish}.
set -euo pipefail
programs=$1
out=$2
mkdir -p "$out"/{bash,zsh,fish}
for program in medispatcher amender medctl; do
  "$programs/$program" --generate-completion-script bash >"$out/bash/$program"
  "$programs/$program" --generate-completion-script zsh >"$out/zsh/_$program"
  "$programs/$program" --generate-completion-script fish >"$out/fish/$program.fish"
done
cat <<END_OF_TEXT
completion scripts are in $out; for everybody on this machine:
  bash: sudo install -m 644 $out/bash/* /usr/share/bash-completion/completions/
  zsh:  sudo install -m 644 $out/zsh/* /usr/local/share/zsh/site-functions/
  fish: sudo install -m 644 $out/fish/* /usr/share/fish/vendor_completions.d/
END_OF_TEXT
