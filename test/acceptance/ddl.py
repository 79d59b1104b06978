"""Parses the statements of `ddl` with sqlglot, a SQL parser by other authors.

It mirrors the simulator twice into moto, an S3 server, prints the statements for each engine and parses
them in the dialect of the engine. Run it after `npm run build`, with both packages installed
(`pip install sqlglot 'moto[server]'`):

    python3 test/acceptance/ddl.py

It is not part of `npm test`. It prints a line for each engine, and exits with 0 if every statement has
the expected kind. Statements that sqlglot does not know at all are counted as "not parsed".
"""

import collections
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import sqlglot
from sqlglot import exp

COMMAND = ["node", str(Path(__file__).parents[2] / "bin/cognito-mirror.mjs")]
POOL = "us-east-1_Simulated"
DATASETS = 4
SNAPSHOTS = 2

# The arguments, the dialect, and how many statements of each kind are expected. A command is what
# sqlglot splits off by its first word without parsing the rest: of Snowflake, the partitions.
TABLES = {exp.Create: 1 + DATASETS, exp.Drop: DATASETS}
# The first snapshot has no changes.
PARTITIONS = DATASETS * SNAPSHOTS - 1
ENGINES = [
    (["athena"], "athena", {**TABLES, exp.Alter: PARTITIONS}),
    (["athena", "--projection"], "athena", TABLES),
    (["spark"], "spark", {**TABLES, exp.Alter: PARTITIONS}),
    (["trino"], "trino", {**TABLES, exp.Select: PARTITIONS}),
    (["snowflake"], "snowflake", {exp.Create: 2 + DATASETS, exp.Command: PARTITIONS}),
    (["bigquery"], "bigquery", {exp.Create: 1 + DATASETS}),
    (["duckdb"], "duckdb", {exp.Create: 1 + DATASETS}),
]


def readable(statement: str) -> list[str]:
    """The same in the forms that sqlglot knows."""
    # One partition in a statement.
    alter, *partitions = re.split(r"\n(?=  PARTITION )", statement)
    if partitions:
        return [f"{alter} {partition}" for partition in partitions]
    # The call of a function, and a table without the clauses of BigQuery Omni.
    statement = re.sub(r"^CALL ", "SELECT ", statement)
    return [re.sub(r"^WITH (PARTITION COLUMNS|CONNECTION) .*\n", "", statement, flags=re.M)]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="cognito-mirror-acceptance-") as home:
        os.chmod(home, 0o711)
        servers: list[subprocess.Popen] = []
        try:
            env = start(home, servers)
            for _ in range(SNAPSHOTS):
                run(["sync", POOL], env)
            return 0 if all([check(*engine, env) for engine in ENGINES]) else 1
        finally:
            for server in servers:
                server.terminate()
                server.wait()


def start(home: str, servers: list[subprocess.Popen]) -> dict[str, str]:
    """Starts moto and the simulator, and returns the environment of the command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    moto = ["moto_server", "-H", "127.0.0.1", "-p", port]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    servers.append(subprocess.Popen(moto, **quiet))
    simulator = subprocess.Popen(
        [*COMMAND, "simulator", "--port", "0", "--rps", "0", "--users", "200", "--groups", "3"],
        stdout=subprocess.PIPE,
        text=True,
    )
    servers.append(simulator)
    url = next(found for line in simulator.stdout if (found := re.search(r"http://\S+", line)))
    s3 = f"http://127.0.0.1:{port}"
    create_bucket(f"{s3}/archive")
    return {
        **os.environ,
        "MIRROR_HOME": f"{home}/mirror",
        "MIRROR_USER_LIST_RPS": "6000",
        "ARCHIVE_URL": "s3://archive/of/pools",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3,
        "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": url.group(),
    }


def create_bucket(url: str) -> None:
    """Waits up to a minute for the server."""
    for _ in range(600):
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="PUT"))
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"FAILED: no answer at {url}")


def run(arguments: list[str], env: dict[str, str]) -> str:
    result = subprocess.run([*COMMAND, *arguments], env=env, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"FAILED: {arguments} exited with {result.returncode}\n{result.stderr}")
    return result.stdout


def check(arguments: list[str], dialect: str, expected: dict[type, int], env: dict[str, str]) -> bool:
    text = run(["ddl", *arguments], env)
    statements = [each for statement in text.split(";\n") if statement.strip() for each in readable(statement.strip())]
    parsed = [sqlglot.parse_one(statement, dialect=dialect) for statement in statements]
    kinds = collections.Counter(type(tree) for tree in parsed)
    partial = [tree for tree in parsed if not isinstance(tree, exp.Command) and list(tree.find_all(exp.Command))]
    is_right = kinds == collections.Counter(expected) and not partial
    shown = ", ".join(
        f"{count} {'not parsed' if kind is exp.Command else kind.__name__}" for kind, count in kinds.items()
    )
    print(f"{'ok' if is_right else 'FAILED'}: {' '.join(arguments)}: {shown}")
    return is_right


sys.exit(main())
