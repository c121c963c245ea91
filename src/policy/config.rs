//! `lance-lint.toml`.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use fast_glob::glob_match;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::PolicyError;
use crate::did_you_mean;
use crate::finding::{Finding, RuleInfo, Severity};
use crate::rules::named;
use crate::storage::{Location, read_text};

/// Longest configuration that is read.
const MAX_BYTES: u64 = 1 << 20;

/// The name of the configuration file that is looked for.
pub const CONFIG_NAME: &str = "lance-lint.toml";

/// What to make of a rule's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Errors.
    Error,
    /// Warnings.
    Warning,
    /// Infos.
    Info,
    /// Nothing.
    Ignore,
}

impl Level {
    /// The words for levels.
    const NAMES: [(&'static str, Self); 4] = [
        ("error", Self::Error),
        ("warning", Self::Warning),
        ("info", Self::Info),
        ("ignore", Self::Ignore),
    ];

    /// The severity that findings get; `None` for those that are ignored.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Ignore => None,
        }
    }
}

/// A level for the findings that it matches.
#[derive(Debug)]
struct Setting {
    /// Whose rules; of all when empty.
    rules: Vec<&'static RuleInfo>,
    /// Patterns of datasets and files; all when empty.
    paths: Vec<String>,
    /// Patterns of columns; all when empty, and what is of no column.
    columns: Vec<String>,
    level: Level,
    reason: Option<String>,
    line: usize,
    /// Whether a subject was looked at that it is for.
    seen: bool,
    used: bool,
}

/// What a configuration makes of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The level.
    pub level: Level,
    /// The file and line that say so.
    pub place: String,
    /// Why.
    pub reason: Option<String>,
}

/// A configuration file.
#[derive(Debug)]
pub struct Config {
    /// How it is shown.
    shown: String,
    /// Where its patterns of paths start from.
    directory: PathBuf,
    /// In the order in which they are applied.
    settings: Vec<Setting>,
    /// The least severity that fails.
    pub fail_on: Option<Severity>,
    /// The baseline.
    pub baseline: Option<PathBuf>,
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let shown = shown(path);
        let text = read_text(path, MAX_BYTES)
            .map_err(|error| PolicyError(format!("cannot read {shown}: {error}")))?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let directory = absolute.parent().unwrap_or(&absolute).to_path_buf();
        let directory = directory.canonicalize().unwrap_or(directory);
        Reader {
            shown: &shown,
            text: &text,
        }
        .config(directory)
    }

    /// Takes note that a dataset or file is looked at, and returns the names that patterns of
    /// paths may match.
    pub fn see(&mut self, location: &Location) -> Vec<String> {
        let names = self.names(location);
        for setting in &mut self.settings {
            setting.seen |= setting.paths.is_empty() || matches_any(&setting.paths, &names);
        }
        names
    }

    /// The level of a finding, if anything is said of it: the last that is said. `names` are those
    /// that [`Self::see`] returned.
    pub fn level(&mut self, names: &[String], finding: &Finding) -> Option<Set> {
        let mut set = None;
        for setting in &mut self.settings {
            let rules = setting.rules.is_empty() || setting.rules.contains(&finding.rule);
            let paths = setting.paths.is_empty() || matches_any(&setting.paths, names);
            let columns = setting.columns.is_empty()
                || finding.column.as_deref().is_some_and(|column| {
                    matches_any(
                        &slashed(&setting.columns),
                        &ancestors(&column.replace('.', "/")),
                    )
                });
            if rules && paths && columns {
                setting.used = true;
                set = Some(Set {
                    level: setting.level,
                    place: format!("{}:{}", self.shown, setting.line),
                    reason: setting.reason.clone(),
                });
            }
        }
        set
    }

    /// Ignores and overrides that came to nothing, though what they are for was looked at.
    pub fn unmatched(&self) -> impl Iterator<Item = String> {
        let stale = self.settings.iter().filter(|setting| {
            let single = !setting.paths.is_empty() || !setting.columns.is_empty();
            setting.seen && !setting.used && (single || setting.level == Level::Ignore)
        });
        stale.map(|setting| {
            let rules: Vec<&str> = setting.rules.iter().map(|rule| rule.id).collect();
            let rules = match rules.is_empty() {
                true => "all rules".to_string(),
                false => rules.join(", "),
            };
            let columns = match setting.columns.is_empty() {
                true => String::new(),
                false => format!(" in {}", setting.columns.join(", ")),
            };
            format!("{}:{}: {rules}{columns}", self.shown, setting.line)
        })
    }

    /// A place and all that are above it, from the configuration's directory on; whole where it
    /// lies elsewhere.
    fn names(&self, location: &Location) -> Vec<String> {
        let place = location.normalised();
        let Some(path) = place.as_path() else {
            return ancestors(&location.to_string());
        };
        let below = path.strip_prefix(&self.directory).unwrap_or(path);
        let below = below.to_string_lossy();
        match std::path::MAIN_SEPARATOR {
            '\\' => ancestors(&below.replace('\\', "/")),
            _ => ancestors(&below),
        }
    }
}

/// How a file is shown: from the working directory where it is below it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    below.as_deref().unwrap_or(path).display().to_string()
}

fn slashed(columns: &[String]) -> Vec<String> {
    columns
        .iter()
        .map(|column| column.replace('.', "/"))
        .collect()
}

fn ancestors(path: &str) -> Vec<String> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    let ends = ends.filter(|at| *at > 0).chain([path.len()]);
    ends.filter_map(|end| path.get(..end))
        .map(str::to_string)
        .collect()
}

fn matches_any(patterns: &[String], names: &[String]) -> bool {
    let mut patterns = patterns.iter();
    patterns.any(|pattern| names.iter().any(|name| glob_match(pattern, name)))
}

/// Reads the text of a configuration, with a line for each complaint.
struct Reader<'a> {
    shown: &'a str,
    text: &'a str,
}

type Item<'a, 'i> = (&'a Spanned<Cow<'i, str>>, &'a Spanned<DeValue<'i>>);

impl Reader<'_> {
    fn config(&self, directory: PathBuf) -> Result<Config, PolicyError> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            // Not in the error's own words: they may repeat a secret of another program's file.
            self.fault(&span, "is not TOML")
        })?;
        let mut config = Config {
            shown: self.shown.to_string(),
            directory,
            settings: Vec::new(),
            fail_on: None,
            baseline: None,
        };
        let mut overrides = Vec::new();
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "fail-on" => config.fail_on = Some(self.severity(value)?),
                "baseline" => {
                    let path = self.string(key.get_ref(), value)?;
                    config.baseline = Some(shortest(&config.directory, path));
                }
                "rules" => {
                    for item in self.table(key.get_ref(), value)? {
                        config.settings.push(self.rule(item)?);
                    }
                }
                "override" => overrides = self.overrides(value)?,
                _ => return Err(self.unknown(key, &["fail-on", "baseline", "rules", "override"])),
            }
        }
        config.settings.extend(overrides);
        Ok(config)
    }

    /// A line of `[rules]`: a level, or a table of level and reason.
    fn rule(&self, (name, value): Item<'_, '_>) -> Result<Setting, PolicyError> {
        let rule = self.named(name.get_ref(), &name.span())?;
        let mut setting = self.setting(name.span());
        setting.rules.push(rule);
        match value.get_ref() {
            DeValue::Table(_) => {
                let mut level = None;
                for (key, value) in self.table(name.get_ref(), value)? {
                    match key.get_ref().as_ref() {
                        "level" => level = Some(self.level(value)?),
                        "reason" => {
                            setting.reason = Some(self.string("reason", value)?.to_string());
                        }
                        _ => return Err(self.unknown(key, &["level", "reason"])),
                    }
                }
                setting.level = level
                    .ok_or_else(|| self.fault(&name.span(), "a level is missing: level = \"…\""))?;
            }
            _ => setting.level = self.level(value)?,
        }
        Ok(setting)
    }

    fn overrides(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Setting>, PolicyError> {
        let Some(array) = value.get_ref().as_array() else {
            return Err(self.fault(&value.span(), "must be tables: [[override]]"));
        };
        let mut all = Vec::new();
        for value in array.iter() {
            let mut setting = self.setting(value.span());
            let mut level = None;
            for (key, value) in self.table("override", value)? {
                match key.get_ref().as_ref() {
                    "rules" => {
                        for (name, span) in self.strings("rules", value)? {
                            setting.rules.push(self.named(&name, &span)?);
                        }
                    }
                    "paths" => setting.paths = self.patterns("paths", value)?,
                    "columns" => setting.columns = self.patterns("columns", value)?,
                    "level" => level = Some(self.level(value)?),
                    "reason" => setting.reason = Some(self.string("reason", value)?.to_string()),
                    _ => {
                        let known = ["rules", "paths", "columns", "level", "reason"];
                        return Err(self.unknown(key, &known));
                    }
                }
            }
            setting.level = level.ok_or_else(|| {
                self.fault(&value.span(), "an override needs a level: level = \"…\"")
            })?;
            if setting.rules.is_empty() && setting.paths.is_empty() && setting.columns.is_empty() {
                return Err(self.fault(
                    &value.span(),
                    "an override needs rules, paths or columns that it is for",
                ));
            }
            if setting.reason.is_none() {
                return Err(self.fault(
                    &value.span(),
                    "an override needs a reason, for those who come after you: reason = \"…\"",
                ));
            }
            all.push(setting);
        }
        Ok(all)
    }

    fn setting(&self, span: Range<usize>) -> Setting {
        Setting {
            rules: Vec::new(),
            paths: Vec::new(),
            columns: Vec::new(),
            level: Level::Ignore,
            reason: None,
            line: self.line(&span),
            seen: false,
            used: false,
        }
    }

    fn named(&self, name: &str, span: &Range<usize>) -> Result<&'static RuleInfo, PolicyError> {
        named(name).map_err(|unknown| self.fault(span, &unknown.in_a_file()))
    }

    fn level(&self, value: &Spanned<DeValue<'_>>) -> Result<Level, PolicyError> {
        let text = self.string("a level", value)?;
        let known = Level::NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, level)| *level).ok_or_else(|| {
            let names = Level::NAMES.map(|(name, _)| name);
            self.no_word(value, text, &names)
        })
    }

    fn severity(&self, value: &Spanned<DeValue<'_>>) -> Result<Severity, PolicyError> {
        let text = self.string("fail-on", value)?;
        let mut all = Severity::ALL.into_iter();
        let known = all.find(|severity| severity.word() == text);
        known.ok_or_else(|| {
            let names = Severity::ALL.map(Severity::word);
            self.no_word(value, text, &names)
        })
    }

    fn no_word(&self, value: &Spanned<DeValue<'_>>, text: &str, names: &[&str]) -> PolicyError {
        let near = did_you_mean::hint(text, names.iter().copied());
        let names = names.join(", ");
        let text = quoted(text, &near);
        self.fault(&value.span(), &format!("{text} is none of {names}{near}"))
    }

    fn patterns(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<String>, PolicyError> {
        let strings = self.strings(key, value)?;
        let pattern = |text: String| {
            text.trim_start_matches("./")
                .trim_end_matches('/')
                .to_string()
        };
        Ok(strings.into_iter().map(|(text, _)| pattern(text)).collect())
    }

    /// A list of strings; one string stands for a list of one.
    fn strings(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<(String, Range<usize>)>, PolicyError> {
        let Some(array) = value.get_ref().as_array() else {
            let text = self.string(key, value)?;
            return Ok(vec![(text.to_string(), value.span())]);
        };
        let items = array.iter().map(|item| {
            let text = self.string(key, item)?;
            Ok((text.to_string(), item.span()))
        });
        items.collect()
    }

    fn string<'v>(
        &self,
        key: &str,
        value: &'v Spanned<DeValue<'_>>,
    ) -> Result<&'v str, PolicyError> {
        let text = value.get_ref().as_str();
        text.ok_or_else(|| {
            let found = value.get_ref().type_str();
            self.fault(
                &value.span(),
                &format!("{key} must be a string, not {found}"),
            )
        })
    }

    fn table<'v, 'i>(
        &self,
        key: &str,
        value: &'v Spanned<DeValue<'i>>,
    ) -> Result<impl Iterator<Item = Item<'v, 'i>>, PolicyError> {
        let table = value.get_ref().as_table();
        let table =
            table.ok_or_else(|| self.fault(&value.span(), &format!("{key} must be a table")))?;
        Ok(table.iter())
    }

    fn unknown(&self, key: &Spanned<Cow<'_, str>>, known: &[&str]) -> PolicyError {
        let name = key.get_ref();
        let near = did_you_mean::hint(name, known.iter().copied());
        let known = known.join(", ");
        let text = match near.is_empty() {
            true => format!("there is no such key here (the keys are {known})"),
            false => format!("there is no key {name:?} here{near} (the keys are {known})"),
        };
        self.fault(&key.span(), &text)
    }

    fn fault(&self, span: &Range<usize>, text: &str) -> PolicyError {
        PolicyError(format!("{}:{}: {text}", self.shown, self.line(span)))
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }
}

/// A word of a configuration, where it resembles one that is known. Another may be anything, also a
/// secret of another program's file.
fn quoted(text: &str, near: &str) -> String {
    match near.is_empty() {
        true => "the value".to_string(),
        false => format!("{text:?}"),
    }
}

/// A path below a directory, as short as it can be written from the working directory.
fn shortest(directory: &Path, path: &str) -> PathBuf {
    let whole = directory.join(path);
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| whole.strip_prefix(here).ok().map(Path::to_path_buf));
    below.unwrap_or(whole)
}
