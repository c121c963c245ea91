//! What to make of findings: which count for more or less, which are ignored and why, and
//! whether what is left makes a run fail.
//!
//! A finding's level is its own, unless a configuration's `[rules]` give its rule another, its
//! `[[override]]`s do (the last that matches), or the command line does. Ignores that travel in
//! a field's metadata, and baselines, take away what is left of it.

mod baseline;
mod config;
mod identity;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::check::{Ignored, SubjectReport};
use crate::finding::{Finding, RuleInfo, Severity};
use crate::model::schema::{IGNORE_KEY, is_within};
use crate::model::target::{LATEST_MANIFEST, VERSIONS};
use crate::printable::printable;
use crate::rules::ignore_key::{self, Ignores};
use crate::storage::Location;

pub use baseline::DEFAULT_BASELINE;
pub use config::{CONFIG_NAME, Level};
pub use identity::Identity;

use baseline::Baseline;
use config::Config;

/// Why a policy cannot be applied: a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", printable(.0))]
pub struct PolicyError(pub String);

/// What the command line asks of a policy.
#[derive(Debug, Default)]
pub struct Options {
    /// Levels of rules, which win over all others; the last of a rule counts.
    pub levels: Vec<(&'static RuleInfo, Level)>,
    /// The configuration file; looked for when absent.
    pub config: Option<PathBuf>,
    /// Whether to do without any configuration.
    pub no_config: bool,
    /// Whether to look for no configuration, and to take no word of a dataset for what is to be
    /// ignored.
    pub untrusted: bool,
    /// The baseline; the configuration's when absent.
    pub baseline: Option<PathBuf>,
    /// Whether to write the baseline rather than to go by it.
    pub write_baseline: bool,
    /// Whether nothing is to be ignored, whoever says so.
    pub no_ignores: bool,
    /// The least severity that fails; the configuration's, or error, when absent.
    pub fail_on: Option<Severity>,
}

/// Judges subjects, one after another.
#[derive(Debug)]
pub struct Policy {
    options: Options,
    configs: Vec<Config>,
    /// The configuration for what is in a directory.
    by_directory: HashMap<PathBuf, Option<usize>>,
    baselines: Vec<Baseline>,
    cli_used: Vec<bool>,
    /// Whether all subjects so far were checked as a whole, so that what matched nothing
    /// is known to match nothing.
    all_whole: bool,
    /// What went by no more than part of what an ignore is for.
    stale_metadata: Vec<String>,
    /// What datasets had to say of their own check, one sentence each.
    said_by_data: Vec<String>,
}

impl Policy {
    /// Reads the configuration and the baseline that the command line names.
    ///
    /// # Errors
    /// [`PolicyError`] for a file that cannot be read or says what nobody can follow.
    pub fn new(options: Options) -> Result<Self, PolicyError> {
        let mut policy = Self {
            cli_used: vec![false; options.levels.len()],
            options,
            configs: Vec::new(),
            by_directory: HashMap::new(),
            baselines: Vec::new(),
            all_whole: true,
            stale_metadata: Vec::new(),
            said_by_data: Vec::new(),
        };
        if let Some(path) = policy.options.config.clone() {
            policy.add_config(&path)?;
        }
        if let Some(path) = policy.options.baseline.clone() {
            policy.add_baseline(path)?;
        }
        Ok(policy)
    }

    /// Reads the configuration for a path ahead of judging what is found there, so that a faulty
    /// one shows before hours of work.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn prepare(&mut self, location: &Location) -> Result<(), PolicyError> {
        self.config_for(location).map(|_| ())
    }

    /// Gives findings their levels and takes away what is to be ignored.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn judge(&mut self, subject: &mut SubjectReport) -> Result<(), PolicyError> {
        self.all_whole &= subject.whole;
        let config = self.config_for(&subject.location)?;
        let baseline = match (&self.options.baseline, config) {
            (Some(_), _) => Some(0),
            (None, Some(at)) => self.baseline_of(at)?,
            (None, None) => None,
        };
        let baseline = match baseline {
            None if self.options.write_baseline => {
                Some(self.add_baseline(PathBuf::from(DEFAULT_BASELINE))?)
            }
            known => known,
        };
        let names = match config.and_then(|at| self.configs.get_mut(at)) {
            Some(config) => config.see(&subject.location),
            None => Vec::new(),
        };
        let in_baseline = baseline.and_then(|at| self.baselines.get(at));
        let in_baseline = in_baseline.map(|baseline| baseline.name_of(&subject.location));
        let in_baseline = in_baseline.unwrap_or_default();
        let metadata = match self.options.untrusted {
            true => {
                self.note_refused(subject);
                Vec::new()
            }
            false => metadata_ignores(subject),
        };
        let mut metadata_used = vec![false; metadata.len()];
        let mut kept = Vec::new();
        let all = std::mem::take(&mut subject.findings);
        let mut found = BTreeSet::new();
        for mut finding in all {
            let by = self.level(&mut finding, config, &names, &metadata, &mut metadata_used);
            let by = match (by, baseline.and_then(|at| self.baselines.get_mut(at))) {
                (None, Some(baseline)) => {
                    let identity = Identity::new(in_baseline.clone(), &finding);
                    let known = baseline.knows(&identity);
                    found.insert(identity);
                    match known && !self.options.write_baseline && !self.options.no_ignores {
                        true => Some((baseline.label(), None)),
                        false => None,
                    }
                }
                (by, _) => by,
            };
            match by {
                None => kept.push(finding),
                Some((by, reason)) => subject.ignored.push(Ignored {
                    finding,
                    by,
                    reason,
                }),
            }
        }
        if let Some(baseline) = baseline.and_then(|at| self.baselines.get_mut(at)) {
            baseline.saw(in_baseline, found, subject.whole);
        }
        kept.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        subject.findings = kept;
        subject.give_verdicts();
        self.note_ignored_by_data(subject);
        if subject.whole && !self.options.no_ignores {
            for ((path, rule, _), used) in metadata.iter().zip(&metadata_used) {
                if !used {
                    self.stale_metadata.push(format!(
                        "{}: column `{path}` has {IGNORE_KEY} for {}",
                        subject.path, rule.id
                    ));
                }
            }
        }
        let of_config = config.and_then(|at| self.configs.get(at)?.fail_on);
        let least = self.options.fail_on.or(of_config);
        subject.fail_on = least.unwrap_or(Severity::Error);
        Ok(())
    }

    /// Notes which findings a dataset says itself are to be ignored.
    fn note_ignored_by_data(&mut self, subject: &SubjectReport) {
        let by_data = |ignored: &&Ignored| ignored.by.starts_with(IGNORE_KEY);
        let mut rules: Vec<&str> = Vec::new();
        let mut count = 0;
        for ignored in subject.ignored.iter().filter(by_data) {
            count += 1;
            if !rules.contains(&ignored.finding.rule.id) {
                rules.push(ignored.finding.rule.id);
            }
        }
        if count > 0 {
            let findings = if count == 1 { "finding" } else { "findings" };
            self.said_by_data.push(format!(
                "{}: the dataset's own metadata ({IGNORE_KEY}) ignores {count} {findings}: {}",
                subject.path,
                rules.join(", ")
            ));
        }
    }

    /// Notes that a dataset would have findings ignored.
    fn note_refused(&mut self, subject: &SubjectReport) {
        let columns = subject
            .fields
            .iter()
            .filter(|field| field.ignores.is_some());
        let count = columns.count();
        if count > 0 {
            let columns = if count == 1 { "column" } else { "columns" };
            self.said_by_data.push(format!(
                "{}: {IGNORE_KEY} in the metadata of {count} {columns} has no effect with --untrusted",
                subject.path
            ));
        }
    }

    /// What datasets had to say of their own check, one sentence each.
    pub fn said_by_data(&self) -> &[String] {
        &self.said_by_data
    }

    /// Whether it writes baselines rather than going by them.
    pub fn writes(&self) -> bool {
        self.options.write_baseline
    }

    /// Gives a finding its level; who ignores it, and why, when someone does.
    fn level(
        &mut self,
        finding: &mut Finding,
        config: Option<usize>,
        names: &[String],
        metadata: &[(String, &'static RuleInfo, Option<String>)],
        metadata_used: &mut [bool],
    ) -> Option<(String, Option<String>)> {
        let mut by = None;
        if let Some(config) = config.and_then(|at| self.configs.get_mut(at))
            && let Some(set) = config.level(names, finding)
        {
            match set.level.severity() {
                Some(severity) => finding.severity = severity,
                None => by = Some((set.place, set.reason)),
            }
        }
        let column = finding.column.clone();
        let below = |path: &str| {
            column
                .as_ref()
                .is_some_and(|column| is_within(column, path))
        };
        for ((path, rule, reason), used) in metadata.iter().zip(metadata_used) {
            if *rule == finding.rule && below(path) {
                *used = true;
                by = Some((format!("{IGNORE_KEY} of column `{path}`"), reason.clone()));
            }
        }
        let given = self.options.levels.iter().zip(&mut self.cli_used);
        for ((rule, level), used) in given {
            if *rule != finding.rule {
                continue;
            }
            *used = true;
            by = match level.severity() {
                Some(severity) => {
                    finding.severity = severity;
                    None
                }
                None => Some(("--ignore".to_string(), None)),
            };
        }
        by.filter(|_| !self.options.no_ignores)
    }

    /// What ignores and levels for single places came to nothing, one sentence each. Empty where
    /// only part of a dataset was looked at, since then nothing can be said.
    pub fn unmatched(&self) -> Vec<String> {
        if !self.all_whole || self.options.no_ignores || self.options.write_baseline {
            return Vec::new();
        }
        let given = self.options.levels.iter().zip(&self.cli_used);
        let unused = given.filter(|((_, level), used)| *level == Level::Ignore && !**used);
        let cli = unused.map(|((rule, _), _)| format!("--ignore {}", rule.id));
        let configs = self.configs.iter().flat_map(Config::unmatched);
        let baselines = self.baselines.iter().flat_map(Baseline::unmatched);
        let metadata = self.stale_metadata.iter().cloned();
        cli.chain(configs)
            .chain(metadata)
            .chain(baselines)
            .collect()
    }

    /// Writes the baselines, when that is asked for; what was written, one sentence each.
    ///
    /// # Errors
    /// [`PolicyError`] when a file cannot be written.
    pub fn write_baselines(&self) -> Result<Vec<String>, PolicyError> {
        if !self.writes() {
            return Ok(Vec::new());
        }
        self.baselines.iter().map(Baseline::write).collect()
    }

    fn add_config(&mut self, path: &Path) -> Result<usize, PolicyError> {
        self.configs.push(Config::read(path)?);
        Ok(self.configs.len() - 1)
    }

    fn add_baseline(&mut self, path: PathBuf) -> Result<usize, PolicyError> {
        if let Some(at) = self.baselines.iter().position(|known| known.is(&path)) {
            return Ok(at);
        }
        let is_new = self.options.write_baseline;
        self.baselines.push(Baseline::read(path, is_new)?);
        Ok(self.baselines.len() - 1)
    }

    fn baseline_of(&mut self, config: usize) -> Result<Option<usize>, PolicyError> {
        let path = self
            .configs
            .get(config)
            .and_then(|config| config.baseline.clone());
        path.map(|path| self.add_baseline(path)).transpose()
    }

    /// The configuration for a place: the one that the command line names, else the nearest above
    /// the place, else the nearest above the working directory.
    fn config_for(&mut self, location: &Location) -> Result<Option<usize>, PolicyError> {
        if self.options.config.is_some() {
            return Ok(Some(0));
        }
        if self.options.no_config || self.options.untrusted {
            return Ok(None);
        }
        let place = location.as_path().map(std::path::absolute);
        let place = place.and_then(Result::ok);
        // A folder is a dataset, also where its manifests are lost.
        let start = place.as_deref().and_then(|place| match place.is_dir() {
            true => place.parent(),
            false => Some(place),
        });
        let above = match start {
            Some(start) => self.nearest_config(start)?,
            None => None,
        };
        match above {
            Some(at) => Ok(Some(at)),
            None => match std::env::current_dir() {
                Ok(directory) => self.nearest_config(&directory),
                Err(_) => Ok(None),
            },
        }
    }

    fn nearest_config(&mut self, place: &Path) -> Result<Option<usize>, PolicyError> {
        let mut seen = Vec::new();
        let mut found = None;
        for directory in outside_datasets(place).ancestors() {
            if let Some(known) = self.by_directory.get(directory) {
                found = *known;
                break;
            }
            seen.push(directory.to_path_buf());
            let candidate = directory.join(CONFIG_NAME);
            if candidate.exists() {
                found = Some(self.add_config(&candidate)?);
                break;
            }
        }
        for directory in seen {
            self.by_directory.insert(directory, found);
        }
        Ok(found)
    }
}

/// The nearest directory above a place that is in no dataset: what comes with a dataset does not say
/// how it is checked.
fn outside_datasets(place: &Path) -> &Path {
    let is_dataset = |directory: &Path| {
        directory.join(VERSIONS).is_dir() || directory.join(LATEST_MANIFEST).is_file()
    };
    // Ancestors come from the inside out; the outermost dataset counts.
    let outermost = place
        .ancestors()
        .filter(|directory| is_dataset(directory))
        .last();
    match outermost {
        Some(dataset) => dataset.parent().unwrap_or(dataset),
        None => place,
    }
}

/// The ignores in the metadata of a subject's fields: path, rule, reason.
fn metadata_ignores(subject: &SubjectReport) -> Vec<(String, &'static RuleInfo, Option<String>)> {
    let mut all = Vec::new();
    for field in &subject.fields {
        let Some(value) = &field.ignores else {
            continue;
        };
        let Ignores { rules, reason } = ignore_key::parse(value);
        // What is no rule is a finding of its own.
        let known = rules.into_iter().flatten();
        all.extend(known.map(|rule| (field.path.clone(), rule, reason.clone())));
    }
    all
}
