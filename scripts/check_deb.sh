#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages as a stranger meets them: lintian says nothing, they install on a clean Debian, and a user who can write neither
# /usr nor HOME draws photos, trains, finds faces, reads a manual page and completes a command in a terminal.
# Usage: scripts/check_deb.sh [--readme] [FOLDER]
#   FOLDER    where clean Debian roots are kept (build/roots, 1 GB); the first run fetches one with debootstrap
#   --readme  in place of the packages: the two commands of the README on a clean Debian that has nothing but make, and their times
# Needs root, debootstrap, lintian and Debian's archive; where they are missing it is skipped in a sentence. Last line: "N passed,
# N failed".
set -u
cd "$(dirname "$0")/.."
passed=0
failed=0
readme=no
[ "${1:-}" != --readme ] || { readme=yes && shift; }
roots=${1:-build/roots}

end() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}
skip() { echo "skip: $*"; end; }
good() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAIL $*"; }

[ "$(id -u)" = 0 ] || skip "clean Debian roots are made by root"
for tool in debootstrap unshare $([ $readme = yes ] || echo lintian dpkg-buildpackage dh); do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not installed"
done
unshare --mount true 2>/dev/null || skip "no mounts are allowed here"

# ---- a clean root, and what runs in a copy of it ----
mkdir -p "$roots"
roots=$(cd "$roots" && pwd)
base=$roots/base
if [ ! -f "$base/.complete" ]; then
    rm -rf "$base"
    debootstrap --variant=minbase bookworm "$base" >"$roots/log" 2>&1 || { tail -n 3 "$roots/log"; skip "no Debian could be fetched"; }
    # The archive as this machine reaches it.
    cp /etc/apt/apt.conf.d/* "$base/etc/apt/apt.conf.d/" 2>/dev/null
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.*; do
        [ ! -f "$file" ] || cp "$file" "$base/etc/apt/${file#/etc/apt/}"
    done
    rm -f "$base"/etc/apt/apt.conf.d/docker-*
    chroot "$base" sh -c 'apt-get update && apt-get install -y --no-install-recommends make' >"$roots/log" 2>&1 ||
        { tail -n 3 "$roots/log"; skip "Debian's archive cannot be reached from the clean root"; }
    : >"$base/.complete"
fi
root=$(mktemp -d "$roots/try-XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
cp -a "$base/." "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null
inside() { # inside COMMAND: as root there; what is mounted for it goes with it
    unshare --mount --propagation private sh -c 'mount --bind /proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --bind /sys "$0/sys" &&
        exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=xterm DEBIAN_FRONTEND=noninteractive sh -c "$1"' "$root" "$1"
}
user() { # user COMMAND: as somebody who can write to /srv/own alone
    inside "cd /srv/own && HOME=/var/closed exec setpriv --reuid=tester --regid=tester --clear-groups sh -c '$1'"
}
try() { # try SENTENCE inside|user COMMAND
    local log
    log=$("$2" "$3" 2>&1) && good || { bad "$1"; echo "$log" | tail -n 5; }
}

if [ $readme = yes ]; then
    mkdir -p "$root/srv/rf"
    git -c safe.directory="$PWD" ls-files -z | tar -cf - --null --files-from=- | tar -xf - -C "$root/srv/rf"
    # Without deps nothing is installed, and the line to run is told.
    for goal in demo test install; do
        inside "cd /srv/rf && ! make -j4 $goal >/srv/told 2>&1 && grep -q 'missing:.* libjpeg-dev .*; to install them run: make deps $goal' /srv/told &&
            ! dpkg-query -W libjpeg-dev 2>/dev/null" && good || { bad "make $goal without packages"; cat "$root/srv/told"; }
    done
    for goal in demo test; do
        begin=$SECONDS
        if inside "cd /srv/rf && make -j4 deps $goal" >"$roots/$goal.log" 2>&1; then good; else
            bad "make deps $goal"
            tail -n 10 "$roots/$goal.log"
        fi
        echo "measured: make deps $goal took $((SECONDS - begin)) s on a clean Debian with $(nproc) processors"
        grep -E '^(demo|test): done|passed,' "$roots/$goal.log"
    done
    end
fi

# ---- the packages ----
before=$(git status --porcelain --untracked-files=all)
sh scripts/deb.sh && good || { bad "make deb"; end; }
[ "$before" = "$(git status --porcelain --untracked-files=all)" ] && good || bad "making packages left something in the tree"
mkdir -p "$root/srv/debs"
cp build/deb/*.deb build/deb/*.changes build/deb/*.buildinfo "$root/srv/debs/"
chmod -R a+rX build/deb
faults=$(cd build/deb && setpriv --reuid=nobody --regid=nogroup --clear-groups lintian ./*.changes 2>&1)
[ -z "$faults" ] && good || bad "lintian: $faults"
for package in rf rf-doc $([ ! -d include/rf ] || echo librf0 librf-dev); do
    [ -f "$(echo "build/deb/${package}_"*.deb)" ] && good || bad "there is no package $package"
done

# ---- installed ----
inside 'useradd -M -d /var/closed tester && install -d -m 555 /var/closed && install -d -o tester /srv/own' || bad "no user could be made"
try "apt installs the package" inside 'apt-get install -y --no-install-recommends /srv/debs/rf_*.deb'
try "apt installs the documents" inside 'apt-get install -y --no-install-recommends /srv/debs/rf-doc_*.deb'
[ ! -d include/rf ] || try "apt installs the library" inside 'apt-get install -y --no-install-recommends /srv/debs/librf0_*.deb /srv/debs/librf-dev_*.deb python3-numpy'
try "links of the programs lead somewhere" inside '! find /usr/bin /usr/share/bash-completion -xtype l -name "rf*" | grep .'
try "the user cannot write to HOME or /usr" user '! touch /var/closed/x 2>/dev/null && ! touch /usr/share/rf/x 2>/dev/null'
try "rf --version" user 'rf --version | grep -q "^compiler " && rf-train --version >/dev/null'
try "rf bench info" user 'rf bench info --no-measure'
try "rf data synth" user 'rf data synth --out set --train 40 --val 8 --seed 1 --size 160x160 >/dev/null'
try "rf train" user 'rf train mnet025 --data set --size 128 --batch 8 --epochs 1 --out run >/dev/null'
try "rf detect" user 'rf detect run/last.safetensors set/val/images --json - | grep -c faces | grep -qx 8'
[ ! -d include/rf ] || try "Python finds the library" user 'python3 -c "import rf; r = rf.Run(\"run\"); print(len(r.curves[\"epoch.loss\"]), len(rf.Detector(r.model, score=0).detect(\"/usr/share/doc/rf/docs/demo.jpg\")))" | grep -q "^1 [1-9]"'
try "documents with pictures" user 'test -s /usr/share/doc/rf/README.md && test -s /usr/share/doc/rf/docs/demo.jpg'

# What a terminal needs is no part of a minimal system.
inside 'apt-get install -y --no-install-recommends man-db tmux bash-completion' >/dev/null 2>&1 || bad "man-db, tmux and bash-completion could not be installed"
try "man rf-train" user 'MANPAGER=cat man rf-train | grep -q "override a setting"'
try "man of every program" user 'for p in rf rf-train rf-eval rf-detect rf-export rf-data rf-data-synth rf-bench; do man -w $p >/dev/null || exit 1; done'
typed() { # typed WANTED KEYS: what a real bash shows after the keys and two tabs
    cat >"$root/srv/own/typed" <<'KEYS'
#!/bin/sh
export TMUX_TMPDIR=/srv/own
tmux -L t new-session -d -x 150 -y 50 'PS1="$ " exec bash --noprofile --rcfile /etc/bash.bashrc.rf -i'
sleep 1
tmux -L t send-keys -l -- "$2"
sleep 0.3
for i in 1 2 3; do tmux -L t send-keys Tab; sleep 0.5; done
tmux -L t capture-pane -p >shown
tmux -L t kill-server
grep -qF -- "$1" shown || { cat shown; exit 1; }
KEYS
    echo '. /usr/share/bash-completion/bash_completion' >"$root/etc/bash.bashrc.rf"
    chmod 755 "$root/srv/own/typed"
    try "completion in a terminal: $2" user "./typed \"$1\" \"$2\""
}
typed "optim.momentum=" "rf train --set opt"
typed "rf train" "rf tr"
typed "rf train mnetv2" "rf train mnetv"
typed "--resume" "rf-train --res"
typed "synth" "rf data "
typed "pyramidbox" "rf train --set model.context="
try "apt removes the package" inside 'apt-get purge -y rf rf-doc "librf*" && ! ls -d /usr/share/rf /usr/share/doc/rf /usr/bin/rf* 2>/dev/null | grep .'
end
