//! The checker's verdict beside what Lance's own decoder does, over thousands of small changes of the
//! metadata of real files.
//!
//! Run with `cargo test --features decode --test differential -- [--cases N] [--seed S] [--only KIND]
//! [--base NAME] [--case ID] [--list-disagreements] [--json FILE] [--list]`.
//!
//! Bases are written by Lance's writer; every case is a base with one mutation, put together again with
//! a manifest of one fragment. The case is checked by the library and read by `lance-lint decode-worker`
//! processes. The run fails when the checker misses more than one in a hundred of what fails to read or
//! reads as other data, or speaks up about a healthy file or a harmless change.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod arrays;
mod bases;
mod checker;
mod exclusions;
mod matrix;
mod mutate;
mod subject;
mod verdict;
mod wire;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bases::Base;
use checker::Verdict;
use exclusions::{Exclusion, Facts, glob};
use mutate::{Candidate, Op, Pool, candidates};
use verdict::{Baseline, Class, Outcome, Told};
use worker::Worker;

/// Cases of a run that is not told otherwise.
const CASES: usize = 9000;
const SEED: u64 = 14_000_002;
/// The least part of what is bad that must be found.
const RECALL: f64 = 0.99;

#[derive(Debug, Default)]
struct Options {
    cases: Option<usize>,
    seed: Option<u64>,
    only: Option<String>,
    base: Option<String>,
    case: Option<String>,
    json: Option<PathBuf>,
    list_disagreements: bool,
    list: bool,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{text} is not a number"));
            match argument.as_str() {
                "--cases" => options.cases = Some(number(value()?)?),
                "--seed" => options.seed = Some(number(value()?)? as u64),
                "--only" => options.only = Some(value()?),
                "--base" => options.base = Some(value()?),
                "--case" => options.case = Some(value()?),
                "--json" => options.json = Some(value()?.into()),
                "--list-disagreements" => options.list_disagreements = true,
                "--list" => options.list = true,
                // What `cargo test` gives to every test.
                "--nocapture" | "--quiet" | "-q" | "--test-threads=1" => {}
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        Ok(options)
    }
}

/// A case that was run.
#[derive(Debug)]
pub(crate) struct Case {
    pub id: String,
    pub base: String,
    pub version: String,
    pub kind: &'static str,
    pub group: String,
    pub harmless: bool,
    pub path: String,
    pub old: String,
    pub new: String,
    pub outcome: Outcome,
    pub verdict: Verdict,
    pub class: Class,
    pub excused: Option<String>,
    /// The part of the mutation that does it, when it has several.
    pub shrunk: Option<String>,
    /// The decoder's replies, when asked for.
    told: Vec<Told>,
}

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("differential: {error}");
            return ExitCode::from(2);
        }
    };
    let scratch = Scratch::new();
    match run(&options, &scratch.0) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("differential: {error}");
            ExitCode::from(2)
        }
    }
}

/// A directory in memory where there is one, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let path = parent.join(format!("lance-lint-differential-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("there is room for scratch files");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A base and its pool, with what it reads as.
struct Known {
    base: Base,
    baseline: Baseline,
}

fn run(options: &Options, scratch: &Path) -> Result<bool, String> {
    let begun = Instant::now();
    let (bases, refused) = bases::build();
    let written = bases.len();
    println!(
        "{written} bases written in {:.1} s",
        begun.elapsed().as_secs_f32()
    );
    let pools: Vec<Pool> = (0..bases::VERSIONS.len())
        .map(|minor| Pool::new(bases.iter().filter(|base| base.minor == minor)))
        .collect();
    if options.list {
        bases
            .iter()
            .for_each(|base| println!("{}: {} bytes", base.name, base.file.len()));
        refused
            .iter()
            .for_each(|text| println!("not written: {text}"));
    }

    let wanted = |base: &Base| match (&options.case, &options.base) {
        (Some(id), _) => id.split('#').next() == Some(&base.name),
        (None, Some(pattern)) => base.name.contains(pattern) || glob(pattern, &base.name),
        (None, None) => true,
    };
    let bases: Vec<Base> = bases.into_iter().filter(wanted).collect();
    let readings = parallel(bases.len(), scratch, |worker, path, at| {
        let base = &bases[at];
        let verdict = checker::run(&base.subject.assemble());
        (verdict, verdict::baseline(worker, path, base))
    });
    let mut cases: Vec<Case> = Vec::new();
    let mut known: Vec<Known> = Vec::new();
    for (base, (verdict, reading)) in bases.into_iter().zip(readings) {
        let (outcome, baseline) = match reading {
            Ok(baseline) => (Outcome::SameData, Some(baseline)),
            Err(failure) => (Outcome::Fails(failure), None),
        };
        cases.push(clean(&base, outcome, verdict));
        if let Some(baseline) = baseline {
            known.push(Known { base, baseline });
        }
    }
    println!(
        "{} bases read in {:.1} s",
        known.len(),
        begun.elapsed().as_secs_f32()
    );

    let exclusions = exclusions::load();
    let chosen = choose(&known, &pools, options)?;
    let verbose = options.case.is_some();
    let count = chosen.len();
    let mutated = parallel(count, scratch, |worker, path, at| {
        let (index, id, candidate) = &chosen[at];
        try_one(worker, path, &known[*index], id, candidate, verbose)
    });
    cases.extend(mutated);
    for case in &mut cases {
        case.excused = excuse(case, &exclusions);
    }
    let seconds = begun.elapsed().as_secs_f32();
    report(&cases, &exclusions, options)?;
    let paths: BTreeSet<(&str, &str)> = cases
        .iter()
        .map(|case| (case.kind, case.group.as_str()))
        .collect();
    let kinds: BTreeSet<&str> = cases.iter().map(|case| case.kind).collect();
    println!(
        "\n{} cases of {} kinds at {} kinds of place over {} bases, seed {}; {seconds:.0} s, {:.0} cases a second",
        count,
        kinds.len(),
        paths.len(),
        known.len(),
        options.seed.unwrap_or(SEED),
        cases.len() as f32 / seconds,
    );
    let totals = matrix::Totals::of(&cases);
    println!(
        "recall {:.2} % ({} found, {} missed), {} false alarms, {} without a verdict",
        totals.recall() * 100.0,
        totals.found,
        totals.missed,
        totals.false_alarms,
        totals.broken,
    );
    Ok(totals.recall() >= RECALL && totals.false_alarms == 0 && totals.broken == 0)
}

/// Runs work over numbers on a worker per core; results are in order whoever did them.
fn parallel<T: Send>(
    count: usize,
    scratch: &Path,
    work: impl Fn(&mut Worker, &Path, usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<T>>> = Mutex::new((0..count).map(|_| None).collect());
    // One more than there are cores: a worker that hangs leaves its core to another.
    let threads = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    std::thread::scope(|scope| {
        for thread in 0..threads.min(count) {
            let (next, results, work) = (&next, &results, &work);
            scope.spawn(move || {
                let path = scratch.join(format!("{thread}.lance"));
                let mut worker = Worker::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let result = work(&mut worker, &path, at);
                    results.lock().unwrap()[at] = Some(result);
                    if at % 1000 == 999 {
                        eprintln!("{} of {count} ({} worker starts)", at + 1, worker.starts);
                    }
                }
            });
        }
    });
    results
        .into_inner()
        .unwrap()
        .into_iter()
        .map(|result| result.expect("all are done"))
        .collect()
}

/// A mutation's place: the number of its base, and its own among the base's candidates.
type Spot = (usize, usize);

/// Chooses cases: half of them one of each (version, kind) in turn, half of them one of each
/// (version, kind, place), so that kinds with few places and places of rare kinds both have theirs.
fn choose(
    known: &[Known],
    pools: &[Pool],
    options: &Options,
) -> Result<Vec<(usize, String, Candidate)>, String> {
    if let Some(id) = &options.case {
        return named(known, pools, id);
    }
    // Candidates hold whole messages, so that at first only their places are kept.
    let mut groups: BTreeMap<(usize, &'static str, String), Vec<Spot>> = BTreeMap::new();
    let mut total = 0usize;
    for (index, known) in known.iter().enumerate() {
        let all = candidates(&known.base, &pools[known.base.minor]);
        for (at, candidate) in all.into_iter().enumerate() {
            if options
                .only
                .as_ref()
                .is_none_or(|only| glob(only, candidate.kind))
            {
                let key = (known.base.minor, candidate.kind, candidate.group);
                groups.entry(key).or_default().push((index, at));
                total += 1;
            }
        }
    }
    let mut random = fastrand::Rng::with_seed(options.seed.unwrap_or(SEED));
    println!("{total} mutations at {} kinds of place", groups.len());
    let wanted = options.cases.unwrap_or(CASES);
    groups.values_mut().for_each(|group| random.shuffle(group));
    let mut places: Vec<&Vec<Spot>> = groups.values().collect();
    random.shuffle(&mut places);
    let mut of_kind: BTreeMap<(usize, &'static str), Vec<&Vec<Spot>>> = BTreeMap::new();
    for ((minor, kind, _), group) in &groups {
        of_kind.entry((*minor, kind)).or_default().push(group);
    }
    let of_kind: Vec<Vec<Spot>> = of_kind
        .into_values()
        .map(|mut places| {
            random.shuffle(&mut places);
            in_turn(&places)
        })
        .collect();
    let by_kind = in_turn(&of_kind.iter().collect::<Vec<_>>());
    let mut picked: BTreeSet<Spot> = by_kind.into_iter().take(wanted / 2).collect();
    for place in in_turn(&places) {
        if picked.len() >= wanted {
            break;
        }
        picked.insert(place);
    }
    let mut chosen = Vec::with_capacity(picked.len());
    for (index, known) in known.iter().enumerate() {
        if picked.range((index, 0)..(index + 1, 0)).next().is_none() {
            continue;
        }
        let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
        let all = candidates(&known.base, &pools[known.base.minor]);
        for (at, candidate) in all.into_iter().enumerate() {
            let nth = seen.entry(candidate.kind).or_default();
            if picked.contains(&(index, at)) {
                let id = format!("{}#{}#{nth}", known.base.name, candidate.kind);
                chosen.push((index, id, candidate));
            }
            *nth += 1;
        }
    }
    Ok(chosen)
}

/// The first of each list, then the second of each, and so on.
fn in_turn<T: Copy>(lists: &[&Vec<T>]) -> Vec<T> {
    let most = lists.iter().map(|list| list.len()).max().unwrap_or(0);
    let turns = (0..most).flat_map(|turn| lists.iter().filter_map(move |list| list.get(turn)));
    turns.copied().collect()
}

/// The case of an id.
fn named(
    known: &[Known],
    pools: &[Pool],
    id: &str,
) -> Result<Vec<(usize, String, Candidate)>, String> {
    let parts: Vec<&str> = id.split('#').collect();
    let [base, kind, number] = parts[..] else {
        return Err(format!("{id} is not base#kind#number"));
    };
    let number: usize = number
        .parse()
        .map_err(|_| format!("{number} is not a number"))?;
    let index = known.iter().position(|known| known.base.name == base);
    let index = index.ok_or(format!("there is no base {base} that reads"))?;
    let all = candidates(&known[index].base, &pools[known[index].base.minor]);
    let candidate = all
        .into_iter()
        .filter(|candidate| candidate.kind == kind)
        .nth(number);
    let candidate = candidate.ok_or(format!("{base} has no {kind} number {number}"))?;
    Ok(vec![(index, id.to_string(), candidate)])
}

fn clean(base: &Base, outcome: Outcome, verdict: Verdict) -> Case {
    // Some of what the writer takes the reader refuses: that is no clean file.
    let kind = if outcome == Outcome::SameData {
        "clean"
    } else {
        "as written"
    };
    Case {
        id: base.name.clone(),
        base: base.name.clone(),
        version: format!("2.{}", base.minor),
        kind,
        group: String::new(),
        harmless: true,
        path: "unmutated".to_string(),
        old: String::new(),
        new: String::new(),
        class: Class::of(&outcome, &verdict, true),
        outcome,
        verdict,
        excused: None,
        shrunk: None,
        told: Vec::new(),
    }
}

fn try_one(
    worker: &mut Worker,
    path: &Path,
    known: &Known,
    id: &str,
    candidate: &Candidate,
    verbose: bool,
) -> Case {
    let base = &known.base;
    let mut told = Vec::new();
    let mut judge = |op: &Op, told: Option<&mut Vec<Told>>| {
        let mut subject = base.subject.clone();
        op.apply(&mut subject);
        let case = subject.assemble();
        let verdict = checker::run(&case);
        let by_name = candidate.by_name;
        let outcome = verdict::decode(worker, path, &case, base, &known.baseline, by_name, told);
        let class = Class::of(&outcome, &verdict, candidate.harmless);
        (outcome, verdict, class)
    };
    let (outcome, verdict, class) = judge(&candidate.op, verbose.then_some(&mut told));
    let mut shrunk = None;
    if matches!(class, Class::Miss | Class::FalseAlarm) {
        let mut parts = candidate.op.parts().into_iter();
        shrunk = parts.find(|part| judge(part, None).2 == class).map(|part| {
            let (path, old, new) = part.describe(&base.subject);
            format!("{path}: {old} → {new}")
        });
    }
    let (path, old, new) = candidate.op.describe(&base.subject);
    Case {
        id: id.to_string(),
        base: base.name.clone(),
        version: format!("2.{}", base.minor),
        kind: candidate.kind,
        group: candidate.group.clone(),
        harmless: candidate.harmless,
        path,
        old,
        new,
        outcome,
        verdict,
        class,
        excused: None,
        shrunk,
        told,
    }
}

fn excuse(case: &Case, exclusions: &[Exclusion]) -> Option<String> {
    let rules = case.verdict.rules().join(", ");
    let change = format!(
        "{} · {}: {} → {}",
        case.group, case.path, case.old, case.new
    );
    let facts = Facts {
        class: case.class,
        version: &case.version,
        kind: case.kind,
        base: &case.base,
        path: &change,
        message: match case.class {
            Class::Miss => case.outcome.message(),
            _ => &rules,
        },
    };
    let found = exclusions
        .iter()
        .find(|exclusion| exclusion.matches(&facts));
    found.map(|exclusion| exclusion.id.clone())
}

fn report(cases: &[Case], exclusions: &[Exclusion], options: &Options) -> Result<(), String> {
    if options.case.is_some() {
        for case in cases.iter().filter(|case| case.path != "unmutated") {
            matrix::tell(case);
            for (what, reply) in &case.told {
                println!("  decoder, {what}: {reply}");
            }
        }
        return Ok(());
    }
    println!();
    matrix::print(cases);
    for class in [
        Class::Broken,
        Class::FalseAlarm,
        Class::Miss,
        Class::Strict,
        Class::Warned,
    ] {
        matrix::groups(cases, class);
    }
    let agrees = |case: &&Case| matches!(case.class, Class::Found | Class::Silent);
    if options.list_disagreements {
        cases
            .iter()
            .filter(|case| !agrees(case))
            .for_each(matrix::tell);
    }
    let used: BTreeSet<&str> = cases
        .iter()
        .filter_map(|case| case.excused.as_deref())
        .collect();
    for exclusion in exclusions
        .iter()
        .filter(|exclusion| !used.contains(exclusion.id.as_str()))
    {
        println!(
            "note: the exclusion {} matched nothing in this run",
            exclusion.id
        );
    }
    if let Some(path) = &options.json {
        let file = std::fs::File::create(path).map_err(|error| error.to_string())?;
        let mut file = std::io::BufWriter::new(file);
        for case in cases.iter().filter(|case| !agrees(case)) {
            writeln!(file, "{}", document(case)).map_err(|error| error.to_string())?;
        }
        file.flush().map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn document(case: &Case) -> serde_json::Value {
    let findings = case.verdict.findings.iter();
    let findings: Vec<serde_json::Value> = findings
        .map(|said| {
            serde_json::json!({
                "severity": said.severity.word(), "rule": said.rule,
                "column": said.column, "message": said.message,
            })
        })
        .collect();
    serde_json::json!({
        "id": case.id, "class": case.class.word(), "excused": case.excused,
        "base": case.base, "version": case.version, "kind": case.kind, "group": case.group,
        "path": case.path, "old": case.old, "new": case.new, "shrunk": case.shrunk,
        "outcome": case.outcome.word(), "message": case.outcome.message(),
        "findings": findings, "checker_failure": case.verdict.failure,
    })
}
