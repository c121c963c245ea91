"""What a run found: confusion matrices, disagreements by kind, excuses."""

import collections
import fnmatch
import re
from pathlib import Path

from mutate import plain_label

SEVERITIES = ("none", "info", "warning", "error")
FAILURES = ("crash", "hang", "panic", "error")
# What a reader does that makes a finding an error.
HARM = (*FAILURES, "silent", "type", "maintenance")
TITLES = {
    "lint-crash": "The checker crashed",
    "lint-hang": "The checker hung",
    "over": "Over-severity: the checker says error; the reader is fine, or only validate() fails",
    "under": "Under-severity: the checker says warning; the reader fails or gives other data",
    "miss": "Misses: the checker says nothing, or info",
    "false-alarm": "False alarms: the checker says warning about a harmless change",
}


def severity(lint):
    return SEVERITIES.index(lint["severity"]) if lint["severity"] in SEVERITIES else len(SEVERITIES)


def verdict(kind, lint, harmless):
    """How the checker's severity fits what the reader did."""
    if lint in ("crash", "hang"):
        return "lint-" + lint
    if kind in HARM:
        return {"error": "agree", "warning": "under"}.get(lint, "miss")
    if kind == "validate":
        return {"error": "over", "warning": "agree"}.get(lint, "miss")
    if kind in ("stale", "listing"):
        return "agree" if lint in ("warning", "error") else "miss"
    if lint == "error":
        return "over"
    if lint == "warning" and harmless and kind == "fine":
        return "false-alarm"
    return "agree"


class Excuses:
    """The table of excuses.md: disagreements that do not count, each with its reason."""

    COLUMNS = ("id", "verdict", "base", "part", "place", "what", "reader", "message", "reason")

    def __init__(self, path):
        self.rows = []
        for line in Path(path).read_text().splitlines():
            cells = [c.strip().strip("`") for c in line.strip().strip("|").split(" | ")]
            if line.startswith("| `") and len(cells) == len(self.COLUMNS):
                self.rows.append(dict(zip(self.COLUMNS, cells)))
        self.used = collections.Counter()

    def find(self, result):
        for row in self.rows:
            if row["verdict"] != result["verdict"]:
                continue
            rules = " ".join(f"{f[0]}: {f[2]}" for f in result["lint"]["findings"])
            values = {
                "base": result["case"].split("/")[0],
                "part": result["part"],
                "place": result["place"],
                "what": result["what"],
                "reader": result["class"],
                "message": f"{result['op']}: {result['message']} {rules}",
            }
            if all(matches(row[name], value) for name, value in values.items()):
                self.used[row["id"]] += 1
                return row["id"]
        return None


def matches(pattern, value):
    """`*` stands for anything, ` or ` separates alternatives; brackets are brackets."""
    return any(
        fnmatch.fnmatchcase(value, p.strip().replace("[", "[[]")) for p in pattern.split(" or ")
    )


def kind_of(result):
    """The kind of a mutation, without numbers and versions."""
    part = re.sub(r"-\d+$", "-older", plain_label(result["part"]))
    part = "index file" if part.startswith("index ") else part
    return part, plain_label(result["place"])


def message_of(result):
    """The message that a place belongs to, for the matrix: two words of its path."""
    part, place = kind_of(result)
    words = place.split(".")
    deep = words[0] in ("manifest", "index-section", "column[]", "descriptor")
    return f"{part} · {'.'.join(words[: 2 if deep else 1])}"


def print_matrix(title, rows):
    """rows: name → list of results."""
    print(
        f"\n{title:58}{'cases':>7}{'none':>7}{'info':>7}{'warning':>9}{'error':>7}{'disagree':>10}{'excused':>9}"
    )
    for name, results in rows:
        counts = collections.Counter(r["lint"]["severity"] for r in results)
        wrong = sum(r["verdict"] != "agree" for r in results)
        excused = sum(r["excuse"] is not None for r in results)
        numbers = f"{len(results):7}{counts['none']:7}{counts['info']:7}"
        numbers += f"{counts['warning']:9}{counts['error']:7}"
        print(f"{name[:57]:58}{numbers}{wrong - excused:10}{excused:9}")


def grouped(results, key):
    groups = collections.defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    return groups


def summary(results):
    """Print the matrices; gives the results that count as disagreements."""
    print_matrix("by what the reader did", sorted(grouped(results, lambda r: r["class"]).items()))
    by_message = grouped(results, message_of)
    print_matrix("by what was changed", sorted(by_message.items(), key=lambda g: -len(g[1])))
    harmed = [r for r in results if r["class"] in HARM and r["excuse"] is None]
    for name, classes in (
        ("fails", (*FAILURES, "maintenance")),
        ("silently gives other data", ("silent", "type")),
    ):
        of = [r for r in harmed if r["class"] in classes]
        said = sum(r["verdict"] == "agree" for r in of)
        share = said / max(len(of), 1)
        print(f"of {len(of)} cases where the reader {name}, {said} are errors ({share:.1%})")
    return [r for r in results if r["verdict"] != "agree" and r["excuse"] is None]


FAILING = ("error", "panic", "crash", "hang")
SILENT = ("silent", "type")
TOLERATED = ("fine", "validate", "listing", "stale", "dropped", "schema", "version")


def shares(results, options):
    """How often the checker is right: about what fails, is silently other, and is tolerated.

    Gives a name, how many cases agree, of how many, and the least share in percent. Excused cases
    do not count.
    """
    counted = [r for r in results if not r.get("excuse")]
    for name, classes, least in (
        ("fails, and is called an error", FAILING, options.failing),
        ("is silently other, and is called an error", SILENT, options.silent),
        ("is tolerated, and is not called an error", TOLERATED, options.tolerated),
    ):
        cases = [r for r in counted if r["class"] in classes]
        error = [r for r in cases if r["lint"]["severity"] == "error"]
        agreed = len(error) if classes is not TOLERATED else len(cases) - len(error)
        yield name, agreed, len(cases), least


def write(path, results, command):
    """The disagreements by kind, the most frequent first."""
    out = [
        f"# Disagreements: {len(results)} cases",
        "",
        f"Reproduce one: `{command} --only CASE`",
        "",
    ]
    counts = collections.Counter((r["class"], r["lint"]["severity"]) for r in results)
    out += ["| reader | none | info | warning | error |", "|---|---|---|---|---|"]
    for kind in sorted({c for c, _ in counts}):
        out.append(f"| {kind} | " + " | ".join(str(counts[kind, s]) for s in SEVERITIES) + " |")
    for name, title in TITLES.items():
        chosen = [r for r in results if r["verdict"] == name and r["excuse"] is None]
        key = (
            (lambda r: (message_of(r),))
            if name == "miss"
            else (lambda r: (worst_rule(r), kind_of(r)[0]))
        )
        groups = sorted(grouped(chosen, key).items(), key=lambda g: (-len(g[1]), g[0]))
        out += ["", f"## {title}: {len(chosen)} cases of {len(groups)} kinds", ""]
        for key, cases in groups:
            out += describe(key, cases)
    excused = collections.Counter(r["excuse"] for r in results if r["excuse"] is not None)
    out += ["", "## Excused", "", *(f"- {name}: {n}" for name, n in excused.most_common())]
    Path(path).write_text("\n".join(out) + "\n")


def worst_rule(result):
    lint = result["lint"]
    return next((f[0] for f in lint["findings"] if f[1] == lint["severity"]), "-")


def describe(key, cases, most=8):
    yield f"### {len(cases)} × {' · '.join(key)}"
    classes = collections.Counter(r["class"] for r in cases)
    yield f"- reader: {', '.join(f'{c} {n}' for c, n in classes.most_common())}"
    places = grouped(cases, lambda r: (r["class"], kind_of(r)[1]))
    for (_, place), alike in sorted(places.items(), key=lambda g: -len(g[1]))[:most]:
        done = collections.Counter(
            re.sub(r"^\[\d+\]", "", re.split(r" |=", r["what"])[0] or r["what"]) for r in alike
        )
        yield f"- {len(alike)} × {place}: {', '.join(f'{o} {n}' for o, n in done.most_common(6))}"
        result = alike[0]
        lint = result["lint"]
        findings = [f for f in lint["findings"] if f[1] == lint["severity"]][:1]
        message = " ".join(result["message"].split())
        yield f"  - `{result['case']}`"
        yield f"  - reader: {result['class']} at {result['op'] or '-'}: {message[:260]}"
        yield f"  - lint: {lint['severity']} {'; '.join(f'{f[0]}: {f[2][:160]}' for f in findings)}"
    if len(places) > most:
        yield f"- and {len(places) - most} more places"
