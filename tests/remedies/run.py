"""Runs every remedy that lance-lint prints, on hard datasets and on all fixtures.

    python run.py --lint LANCE_LINT [--fault NAME] [--scenario NAME] [--keep DIR]

The matrix (faults.py) makes each fault on datasets with dropped columns, deleted rows, indices, stable
row ids, several fragments, a branch, and all at once. What the remedy is not about must be what it was
before the fault: rows, row ids, columns, and indices with their answers, unless the text announces
their loss; and lance-lint must be silent afterwards. Then each remedy that is printed for a fixture is
run on a copy of it. A remedy that neither has run may not be printed.

Needs pylance 14.0.2.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import tomllib
import traceback

import lance
import pyarrow as pa

import faults
import tables

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTDATA, ADVISORIES = ROOT / "testdata", ROOT / "advisories"
INSTALLS = re.compile(r"^pip install ")


def lint(binary, path, *options):
    run = subprocess.run(
        [binary, "--format", "json", *options, str(path)], capture_output=True, text=True, timeout=120
    )
    if run.returncode not in (0, 1):
        raise RuntimeError(f"lance-lint: {run.stderr}")
    return json.loads(run.stdout)["findings"]


def code_of(help):
    """The code of a remedy: what stands behind its first line."""
    first, _, code = help.partition("\n")
    return code


def skeleton(code):
    """A remedy's code without names, numbers and values, and with repeated lines once."""
    code = re.sub(r"\bb?\"(?:[^\"\\]|\\.)*\"|'[^']*'", "S", code)
    code = re.sub(r"  # .*", "", code)
    code = re.sub(r"\d+(\.\d+)?", "0", code)
    code = re.sub(r"_versions/\S+", "M", code)
    code = re.sub(r"S(: (S|None))?(, S(: (S|None))?)+", "S", code)
    code = re.sub(r"\[0(, 0)+\]", "[0]", code)
    code = code.replace(".checkout_version((S, None))", "")
    lines = []
    for line in code.splitlines():
        line = re.sub(r"fields\[0(:0)?\] = .*", "fields[0] = S", line)
        if not lines or lines[-1] != line:
            lines.append(line)
    return "\n".join(lines)


def execute(code, path, ds_version):
    """Runs the code of a remedy as a user would paste it. Returns the path of the dataset that it made,
    or of the one that it changed."""
    if code.startswith("mv "):
        subprocess.run(code, shell=True, cwd=path, check=True)
        return path
    names = {
        "lance": lance,
        "pa": pa,
        "uri": path,
        "new_uri": path + "-new",
        "other_uri": path + "-new",
        "N": ds_version,
        "OLD": ds_version,
    }
    exec(compile(code, "<remedy>", "exec"), names)
    return names["new_uri"] if "new_uri" in code or "other_uri" in code else path


def key(finding):
    return finding["rule"], finding["location"].get("column")


class Failed(Exception):
    pass


def verify(binary, help, code, path, made, scenario, truth, healthy, fault, before):
    """Whether what the remedy leaves is what it should be."""
    copied = made != path
    ds = lance.dataset(made) if copied else tables.open_dataset(made, scenario)
    rows = tables.read(ds)
    stable = "s" in tables.PARTS[scenario] and not copied
    missing, extra = set(truth) - set(rows), set(rows) - set(truth) - fault.adds
    # Going back takes back what the fault's own commit deleted.
    if extra or missing and missing != fault.deletes and "give up" not in help:
        raise Failed(f"rows: {sorted(extra)[:3]} more, {sorted(missing)[:3]} fewer")
    dropped = "drop_columns" in code
    for id, row in rows.items():
        for name, value in truth.get(id, {}).items():
            name = fault.names.get(name, name)
            if name == "_rowid" and not stable:
                continue
            if name not in row:
                if dropped or name == "_rowid":
                    continue
                raise Failed(f"column {name} is gone")
            if row[name] != value:
                raise Failed(f"{name} of row {id}: {row[name]!r}, was {value!r}")
    announced = "ind" in help.lower().partition("\nfrom")[0] and ("indices" in help or "index" in help)
    names = sorted(index.name for index in ds.describe_indices())
    if names != healthy and not announced:
        raise Failed(f"indices: {names}, were {healthy}")
    for with_index, scanned in tables.answers(ds):
        if with_index != scanned:
            raise Failed(f"an index answers {with_index}, a scan {scanned}")
    options = () if copied or scenario != "branch" else ("--branch", "dev")
    left = [f for f in lint(binary, made, *options) if f["severity"] != "info"]
    left = [f for f in left if key(f) not in before]
    left += [f for f in lint(binary, made, *options) if f["rule"] == fault.rule and f["severity"] == "info"]
    if left:
        raise Failed(f"lance-lint: {left[0]['rule']}: {left[0]['message']}")


def matrix(args, scratch, done, failed, table):
    for version in ("2.0", "2.1", "2.2"):
        for scenario in tables.SCENARIOS:
            if args.scenario and scenario != args.scenario or args.version and version != args.version:
                continue
            base = f"{scratch}/base-{version}-{scenario}"
            ds = tables.build(base, version, scenario)
            truth, healthy = tables.read(ds), sorted(index.name for index in ds.describe_indices())
            branch = ("--branch", "dev") if scenario == "branch" else ()
            # Pylance 14.0.2 does not find v1 blobs behind the base path of a branch.
            known = {key(f) for f in lint(args.lint, base, *branch)}
            for fault in faults.FAULTS:
                if version not in fault.versions or scenario not in fault.scenarios:
                    continue
                if args.fault and fault.name != args.fault:
                    continue
                label = f"{fault.name} · {version} · {scenario}"
                broken = f"{scratch}/broken"
                shutil.rmtree(broken, ignore_errors=True)
                shutil.copytree(base, broken)
                ds = tables.open_dataset(broken, scenario)
                before = ds.version
                try:
                    fault.make(ds)
                    findings = lint(args.lint, broken, *branch, *fault.options)
                except Exception as error:
                    failed.append((label, "", f"the fault was not made: {error}"))
                    continue
                found = [f for f in findings if f["rule"] == fault.rule]
                if not found:
                    failed.append((label, "", f"not found: {[f['rule'] for f in findings]}"))
                    continue
                ran = 0
                for help in found[0]["help"]:
                    code = code_of(help)
                    if not code or INSTALLS.match(code):
                        continue
                    path = f"{scratch}/fixed"
                    for old in (path, path + "-new"):
                        shutil.rmtree(old, ignore_errors=True)
                    shutil.copytree(broken, path)
                    try:
                        made = execute(code, path, before)
                        verify(args.lint, help, code, path, made, scenario, truth, healthy, fault, known)
                        done[skeleton(code)] += 1
                        table[fault.name, scenario][0] += 1
                        ran += 1
                    except Exception as error:
                        table[fault.name, scenario][1] += 1
                        detail = str(error) or traceback.format_exc()
                        failed.append((label, help, detail[:600]))
                        if args.keep:
                            kept = pathlib.Path(args.keep) / re.sub(r"\W+", "-", label)
                            shutil.rmtree(kept, ignore_errors=True)
                            shutil.copytree(broken, kept)
                if not ran:
                    table[fault.name, scenario][2] += 1
    return done


def readable(path, but):
    """The columns of a dataset that can be read alone, and their values. Damaged columns are left out:
    what a reader does with those may be anything, also to the machine."""
    found = {}
    try:
        ds = lance.dataset(path)
        names = ds.schema.names
    except BaseException:  # a panic is no Exception
        return found
    for name in names:
        if name in but:
            continue
        try:
            found[name] = sorted(map(repr, ds.scanner(columns=[name], blob_handling="all_binary").to_table()[name].to_pylist()))
        except BaseException:
            pass
    return found


COMMITS = re.compile(r"commit\(|alter_columns|update_field_metadata|delete\(|drop_|^mv |restore\(")


def try_on_fixture(binary, scratch, root, rule, column, damaged, help):
    """Runs a remedy on a copy of a fixture; returns what is wrong with that, or an empty text."""
    code = code_of(help)
    path = f"{scratch}/fixture"
    for old in (path, path + "-new"):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(root, path)
    before = readable(path, damaged)
    try:
        execute(code, path, 1)
    except BaseException as error:
        # Some damage is such that a reader refuses all columns of the file.
        if "may still be read" in help:
            return ""
        return f"{type(error).__name__}: {error}"[:600]
    if not COMMITS.search(code) or "new_uri" in code:
        return ""
    for finding in lint(binary, path):
        if finding["rule"] == rule and finding["location"].get("column") == column:
            return f"still there: {finding['message']}"
    after = readable(path, damaged)
    back = "mv " in code or "restore(" in code
    changed = [name for name, values in before.items() if name in after and after[name] != values]
    if "Delete([], " in code or rule == "fields-swapped":
        # The matrix checks which rows are gone, and which columns change places.
        return ""
    if changed and not back:
        return f"columns changed: {changed}"
    return ""


def worker(args):
    """Tries remedies on fixtures, one for each line of standard input. A reader of damaged data may ask
    for all memory there is, so this process has a limit."""
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    with tempfile.TemporaryDirectory() as scratch:
        for line in sys.stdin:
            result = try_on_fixture(args.lint, scratch, **json.loads(line))
            print("RESULT " + json.dumps(result), flush=True)


def fixtures(args, done, failed):
    """Runs each remedy that is printed for a fixture, each kind of code a few times for a rule."""
    seen, process = collections.Counter(), None
    roots = sorted({path.parent for path in TESTDATA.rglob("_versions") if path.is_dir()})
    for root in roots:
        if args.only_fixture and args.only_fixture not in str(root):
            continue
        name = str(root.relative_to(TESTDATA))
        try:
            findings = lint(args.lint, root)
        except RuntimeError:
            continue
        columns = [f["location"].get("column") for f in findings if f["severity"] == "error"]
        damaged = sorted({re.split(r"\.", column)[0].strip("`") for column in columns if column})
        rules = {f["rule"] for f in findings}
        for finding in findings:
            # What a second fault keeps from working is advice for later.
            if finding["rule"] == "known-bug" and len(rules) > 1:
                continue
            if finding["rule"] == "row-counts-absent" and "deletion-file-missing" in rules:
                continue
            for help in finding["help"]:
                code = code_of(help)
                # The base paths of fixtures are relative, which Lance does not follow; the matrix clones.
                if not code or INSTALLS.match(code) or "deep_clone" in code:
                    continue
                key = (finding["rule"], skeleton(code))
                seen[key] += 1
                if seen[key] > args.times:
                    continue
                if process is None or process.poll() is not None:
                    command = [sys.executable, __file__, "--lint", args.lint, "--worker"]
                    pipe = subprocess.PIPE
                    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
                task = {
                    "root": str(root), "rule": finding["rule"], "column": finding["location"].get("column"),
                    "damaged": damaged, "help": help,
                }
                process.stdin.write(json.dumps(task) + "\n")
                process.stdin.flush()
                detail = "the process died"
                for line in process.stdout:
                    if line.startswith("RESULT "):
                        detail = json.loads(line.removeprefix("RESULT "))
                        break
                else:
                    process.wait()
                if detail:
                    failed.append((f"{name} · {finding['rule']}", help, detail))
                else:
                    done[skeleton(code)] += 1
    if process is not None:
        process.stdin.close()
        process.wait()
    return {code for (_, code) in seen}


def advisory(path, fixture, code):
    """Runs the remedy of an advisory, as `explain` shows it, on a copy of a fixture of that bug. Returns
    what is wrong with what it leaves, or an empty text."""
    latest = lance.dataset(path)
    schema = latest.schema
    # The version before the one that the bug made, as the text asks for.
    old = max(latest.version - 1, 1)
    for name in schema.names:
        if pa.types.is_struct(schema.field(name).type):
            code = code.replace('"COLUMN"', repr(name))
            code = code.replace('"CHILD"', repr(schema.field(name).type.field(1).name))
            break
    names = {
        "lance": lance, "pa": pa, "uri": path, "new_uri": path + "-new", "N": latest.version, "OLD": old,
    }
    exec(compile(code, "<remedy>", "exec"), names)
    made = lance.dataset(names["new_uri"] if "new_uri" in code else path)
    table = made.scanner(blob_handling="all_binary").to_table()
    if "version=" not in code and table.num_rows != latest.count_rows():
        return f"{table.num_rows} rows, were {latest.count_rows()}"
    if made.schema.names != schema.names and "drop_columns" not in code:
        return f"columns {made.schema.names}, were {schema.names}"
    if "new_uri" in code and lance.dataset(path).schema != schema:
        return "the schema of the damaged dataset changed"
    written = WRITTEN.get(fixture, table.to_pydict())
    if table.to_pydict() != written:
        return f"values {table.to_pydict()}, were written as {written}"
    return ""


# What the writers of these fixtures wrote (testdata/make/make_advisory_fixtures.py).
TEXTS = ['{"a":1}', None, '{"b":[1,2]}', '{"c":"xyz"}']
STRUCTS = [{"k": k, "j": text} for k, text in enumerate(TEXTS)]
WRITTEN = {
    "LL-0006": {"id": [0, 1, 2], "c": [STRUCTS[:1], STRUCTS[1:2], STRUCTS[2:]]},
    "LL-0006-struct": {"id": [0, 1, 2, 3], "c": STRUCTS},
    "LL-0007": {"j": TEXTS},
}

# Remedies whose calls belong to other releases: the writer's own reads what no later one does.
OTHER_RELEASES = {"LL-0010"}


def advisories(binary, scratch, done, failed):
    """Runs the remedy of every advisory on its fixtures."""
    for source in sorted(ADVISORIES.glob("*.toml")):
        bug = tomllib.loads(source.read_text())
        code = code_of(bug["remedy"].strip())
        if not code or bug["id"] in OTHER_RELEASES:
            continue
        fixtures = sorted(path for path in (TESTDATA / "advisories").iterdir() if path.name[:7] == bug["id"])
        if not fixtures:
            failed.append((bug["id"], code, "it has no fixture"))
        for fixture in fixtures:
            path = f"{scratch}/advisory"
            for old in (path, path + "-new"):
                shutil.rmtree(old, ignore_errors=True)
            shutil.copytree(fixture, path)
            try:
                detail = advisory(path, fixture.name, code)
                left = [] if detail else lint(binary, path + "-new" if "new_uri" in code else path)
                errors = [f["message"] for f in left if f["severity"] == "error"]
                detail = detail or (f"lance-lint: {errors[0]}" if errors and not only_reads(code) else "")
            except BaseException as error:  # a panic is no Exception
                detail = f"{type(error).__name__}: {error}"[:600]
            if detail:
                failed.append((f"{fixture.name} · explain", code, detail))
            else:
                done[skeleton(code)] += 1


def only_reads(code):
    """Whether a remedy only reads, so that what is found stays."""
    return not COMMITS.search(code) and "write_dataset" not in code and "compact_files" not in code


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lint", required=True)
    parser.add_argument("--fault")
    parser.add_argument("--scenario")
    parser.add_argument("--version")
    parser.add_argument("--keep")
    parser.add_argument("--times", type=int, default=2, help="how often a kind of code is run on fixtures")
    parser.add_argument("--only-fixture")
    parser.add_argument("--skip-fixtures", action="store_true")
    parser.add_argument("--skip-matrix", action="store_true")
    parser.add_argument("--skip-advisories", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.lint = os.path.abspath(args.lint)
    if args.worker:
        return worker(args)
    done, failed = collections.Counter(), []
    table = collections.defaultdict(lambda: [0, 0, 0])
    with tempfile.TemporaryDirectory() as scratch:
        if not args.skip_matrix:
            matrix(args, scratch, done, failed, table)
        printed = set()
        if not args.skip_fixtures:
            printed = fixtures(args, done, failed)
        if not args.skip_advisories:
            advisories(args.lint, scratch, done, failed)
    if table:
        width = max(len(fault) for fault, _ in table)
        print("fault".ljust(width), *(s.rjust(10) for s in tables.SCENARIOS))
        for fault in faults.FAULTS:
            cells = []
            for scenario in tables.SCENARIOS:
                ran, bad, none = table.get((fault.name, scenario), (0, 0, 0))
                cells.append(f"{ran}{f' -{bad}' if bad else ''}{' none' if none else ''}".rjust(10))
            print(fault.name.ljust(width), *cells)
        print("(remedies run; -failed; versions for which the text says that there is none)")
    not_run = printed - set(done)
    for code in sorted(not_run):
        failed.append(("printed and never run", code, ""))
    for label, help, detail in failed:
        print(f"\nFAILED {label}\n  {detail}\n" + "".join(f"  | {line}\n" for line in help.splitlines()))
    print(f"{sum(done.values())} remedies of {len(done)} kinds run")
    print(f"{sum(done.values())} passed, {len(failed)} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
