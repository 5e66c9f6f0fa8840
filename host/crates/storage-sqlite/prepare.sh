#!/bin/sh
# Renews the descriptions of the checked queries in .sqlx, by which this crate compiles without a database.
# Run it after a change of a query or a new migration; `--check` only tells whether it is needed.
# Needs cargo, and sqlite3 or python3.
set -eu
crate=$(cd -- "$(dirname -- "$0")" && pwd)
migrations=$crate/../../../migrations/sqlite
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
mkdir "$scratch/sqlx"

# Names of tables differ between the two schemas, so that one database can hold both.
cat "$migrations"/state/*.sql "$migrations"/logs/*.sql >"$scratch/schema.sql"
if command -v sqlite3 >/dev/null 2>&1; then
    sqlite3 -bail "$scratch/schema.db" <"$scratch/schema.sql"
else
    python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())' \
        "$scratch/schema.db" "$scratch/schema.sql"
fi

# The macros write while they are expanded: the crate must be compiled, whether or not it has changed.
touch "$crate/src/lib.rs"
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$scratch/sqlx DATABASE_URL=sqlite://$scratch/schema.db \
    cargo check --manifest-path "$crate/Cargo.toml" --lib
touch "$crate/src/lib.rs"

if [ "${1-}" = --check ]; then
    diff -r "$crate/.sqlx" "$scratch/sqlx" >/dev/null && exit 0
    echo "host/crates/storage-sqlite/.sqlx does not fit the queries; run host/crates/storage-sqlite/prepare.sh" >&2
    exit 1
fi
rm -rf -- "$crate/.sqlx"
mv "$scratch/sqlx" "$crate/.sqlx"
