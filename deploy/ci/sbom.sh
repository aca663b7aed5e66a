#!/bin/sh
# Writes what the suite is made of as CycloneDX, one file for each lock: Python (uv.lock), DTM (go.mod), Kafka (pom.xml).
# Usage: deploy/ci/sbom.sh. Each file is made by the tool of its own kind; one that fails is told, the others are made.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
out=$root/.eshop/sbom
mkdir -p "$out"
PATH=$root/.eshop/tools/go/bin:/usr/local/go/bin:$PATH
failed=0

made() { # NAME COMMAND...
    name=$1
    shift
    if "$@" >"$out/$name.log" 2>&1; then
        echo "ok  .eshop/sbom/$name.json"
    else
        echo "!!  $name: $(tail -n 1 "$out/$name.log") (all of it: .eshop/sbom/$name.log)"
        failed=1
    fi
}

python() {
    deploy/uv.sh export --quiet --frozen --all-packages --no-dev --format cyclonedx1.5 --output-file "$out/python.json"
}

dtm() {
    cd "$root/deploy/dtm" &&
        go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0 mod -json -output "$out/dtm.json" .
}

kafka() {
    mvn -q -B -f "$root/deploy/kafka/pom.xml" org.cyclonedx:cyclonedx-maven-plugin:2.9.1:makeBom \
        -DoutputFormat=json -DoutputDirectory="$out" -DoutputName=kafka
}

made python python
(made dtm dtm; exit $failed) || failed=1
made kafka kafka
exit $failed
