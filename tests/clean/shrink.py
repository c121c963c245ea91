"""Makes the plan of a failure as small as it goes: fewest steps, columns and rows."""

import copy
import time


def shrink(plan, fails, seconds):
    """A smaller plan that still fails; `fails(plan)` tries one."""
    shrinker = Shrinker(plan, fails, seconds)
    return shrinker.run()


class Shrinker:
    def __init__(self, plan, fails, seconds):
        self.plan, self.fails = plan, fails
        self.end = time.monotonic() + seconds
        self.tries = 0

    def accept(self, plan):
        """Take a plan over if it still fails."""
        if plan == self.plan or time.monotonic() > self.end:
            return False
        self.tries += 1
        if self.fails(plan):
            self.plan = plan
            return True
        return False

    def run(self):
        before = None
        while before != self.plan and time.monotonic() < self.end:
            before = self.plan
            self.steps()
            self.columns(["schema"])
            for i, step in enumerate(self.plan["steps"]):
                for key in ("schema", "fields", "columns"):
                    if key in step:
                        self.columns(["steps", i, key])
            self.rows()
            self.simplify()
        return self.plan

    def steps(self):
        self.remove(["steps"], first=1)

    def columns(self, path):
        self.remove(path, first=0)

    def at(self, plan, path):
        for key in path:
            plan = plan[key]
        return plan

    def remove(self, path, first):
        """Take away halves of a list, then quarters, down to single entries."""
        size = max(1, (len(self.at(self.plan, path)) - first) // 2)
        while size >= 1:
            start = first
            while start < len(self.at(self.plan, path)):
                smaller = copy.deepcopy(self.plan)
                things = self.at(smaller, path)
                del things[start : start + size]
                if (not things and path != ["steps"]) or not self.accept(smaller):
                    start += size
            size //= 2

    def change(self, path, key, value, absent=None):
        if self.at(self.plan, path).get(key, absent) == value:
            return
        smaller = copy.deepcopy(self.plan)
        self.at(smaller, path)[key] = value
        self.accept(smaller)

    def drop(self, path, key):
        if key in self.at(self.plan, path):
            smaller = copy.deepcopy(self.plan)
            del self.at(smaller, path)[key]
            self.accept(smaller)

    def rows(self):
        for i, step in enumerate(self.plan["steps"]):
            for key in ("rows", "old", "new"):
                for value in (0, 1, 2, 5, 10, 20, 50, 100):
                    if step.get(key, 0) > value:
                        self.change(["steps", i], key, value)
            for key in (
                "max_rows_per_file",
                "batches",
                "target_rows_per_fragment",
                "materialize_deletions_threshold",
            ):
                self.drop(["steps", i], key)

    def simplify(self):
        for key in ("manifest_paths_v2", "schema_metadata", "stable_row_ids"):
            self.drop([], key)
        self.fields(["schema"])
        for i, step in enumerate(self.plan["steps"]):
            for key in ("schema", "fields"):
                if key in step:
                    self.fields(["steps", i, key])

    def fields(self, path):
        for i in range(len(self.at(self.plan, path))):
            self.field([*path, i])

    def field(self, path):
        field = self.at(self.plan, path)
        for key in ("metadata", "thresholds"):
            self.drop(path, key)
        if field["name"] != "k":
            kind = field["type"]
            for simple in ("int32", "string"):
                if kind != simple and kind not in ("blob", "blob2"):
                    self.change(path, "type", simple)
                    if self.at(self.plan, path)["type"] == simple:
                        break
        kind = self.at(self.plan, path)["type"]
        if isinstance(kind, dict):
            for key, inside in list(kind.items()):
                if key == "struct":
                    self.remove([*path, "type", "struct"], first=0)
                    self.fields([*path, "type", "struct"])
                elif key == "map":
                    self.field([*path, "type", "map", 1])
                elif isinstance(inside, dict):
                    self.field([*path, "type", key])
        self.change(path, "nulls", 0, absent=0)
        self.change(path, "values", "random", absent="random")
        self.change(path, "nullable", True)
