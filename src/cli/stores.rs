//! How object stores are reached, and what a run may cost.

#[cfg(feature = "object-stores")]
use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
#[cfg(feature = "object-stores")]
use clap::error::ErrorKind;
#[cfg(feature = "object-stores")]
use clap::{Arg, Command};

use crate::FAILED;
use lance_lint::Error;
use lance_lint::storage::{Bases, Location, Options, StopReason, Storage, open};

/// Options of object stores and limits on reads.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Storage")]
pub struct StoreArgs {
    /// An option of the object store, such as aws_region=eu-west-1: those that Lance takes
    /// (repeatable)
    #[cfg(feature = "object-stores")]
    #[arg(long, value_name = "KEY=VALUE", value_parser = KeyValue)]
    #[arg(env = "LANCE_LINT_STORAGE_OPTION", value_delimiter = '\n')]
    #[arg(hide_env_values = true, hide_env = true)]
    storage_option: Vec<(String, String)>,
    /// Reads at once in object stores
    #[cfg(feature = "object-stores")]
    #[arg(long, value_name = "N", default_value = "64", hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Stop after so many requests, with what was learnt so far
    #[arg(long, value_name = "N", hide_short_help = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    max_requests: Option<u64>,
    /// Stop before more bytes are read than these (1000, 64KiB, 10MB, …), with what was learnt so
    /// far
    #[arg(long, value_name = "SIZE", hide_short_help = true, value_parser = size)]
    max_bytes: Option<u64>,
    /// Stop after so much time (30s, 5m, …), with what was learnt so far; a run that has no report
    /// 10 seconds later ends with status 2
    #[arg(long, value_name = "TIME", hide_short_help = true, value_parser = time)]
    timeout: Option<Duration>,
    /// Follow base paths of a manifest to this place too, and below: a path, or a URL such as
    /// s3://bucket/images.lance (repeatable)
    #[arg(long, value_name = "PLACE", hide_short_help = true)]
    #[arg(env = "LANCE_LINT_ALLOW_BASE", value_delimiter = '\n')]
    #[arg(hide_env_values = true, hide_env = true)]
    #[arg(value_parser = OsStringValueParser::new().try_map(|text| Location::parse(&text)))]
    allow_base: Vec<Location>,
    /// For datasets of strangers: follow no base path or link out of the dataset's folder, take no
    /// configuration but --config, and no ignores from the dataset's metadata
    #[arg(long)]
    #[arg(env = "LANCE_LINT_UNTRUSTED", hide_env_values = true, hide_env = true)]
    pub untrusted: bool,
}

impl StoreArgs {
    /// Fails where the user did not allow a place that a report names by itself, and does not trust
    /// what strangers made.
    pub fn allow(&self, place: &Location) -> Result<(), Error> {
        match !self.untrusted || self.bases().allows(place) {
            true => Ok(()),
            false => Err(Error::other(format!(
                "the reports name {place}, and --untrusted reads no dataset that a report names; to \
                 allow it, add --allow-base with that place"
            ))),
        }
    }

    fn bases(&self) -> Bases {
        Bases {
            allowed: self.allow_base.clone(),
            untrusted: self.untrusted,
        }
    }

    /// What reads as they say.
    pub fn storage(&self) -> Arc<dyn Storage> {
        #[cfg(feature = "object-stores")]
        for (key, _) in &self.storage_option {
            if !lance_lint::storage::is_known_option(key) {
                // One that has not the form of a key may be a secret whose own key was left out.
                let is_key = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '.');
                match key.contains(['_', '.']) && key.chars().all(is_key) {
                    true => eprintln!(
                        "lance-lint: no store takes the storage option {key:?}; it has no effect"
                    ),
                    false => eprintln!(
                        "lance-lint: no store takes one of the storage options; it has no effect"
                    ),
                }
            }
        }
        let storage = open(Options {
            #[cfg(feature = "object-stores")]
            store: self.storage_option.clone(),
            #[cfg(feature = "object-stores")]
            concurrency: usize::from(self.concurrency),
            max_requests: self.max_requests,
            max_bytes: self.max_bytes,
            bases: self.bases(),
            #[cfg(feature = "object-stores")]
            clients: Vec::new(),
        });
        if let Some(most) = self.timeout {
            end_after(most, storage.clone());
        }
        storage
    }
}

/// How long a run that is to end may take to say what it learnt.
const GRACE: Duration = Duration::from_secs(10);

/// Ends the run when its time is over.
fn end_after(most: Duration, storage: Arc<dyn Storage>) {
    std::thread::spawn(move || {
        std::thread::sleep(most);
        let halt = StopReason::Timeout(most);
        storage.meter().halt(halt.clone());
        std::thread::sleep(GRACE);
        eprintln!("lance-lint: {halt}, and there was no report in time");
        std::process::exit(i32::from(FAILED));
    });
}

fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("expected a time, such as 30s or 5m".to_string()),
    }
}

/// Parses a storage option. What is none may be a secret, so that no message repeats it.
#[cfg(feature = "object-stores")]
#[derive(Debug, Clone)]
struct KeyValue;

#[cfg(feature = "object-stores")]
impl TypedValueParser for KeyValue {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &Command,
        _arg: Option<&Arg>,
        text: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let pair = text.to_str().and_then(|text| text.split_once('='));
        match pair {
            // A key in base64 that stands alone may end in two of these.
            Some((key, value)) if !key.trim().is_empty() && value != "=" => {
                Ok((key.trim().to_string(), value.to_string()))
            }
            _ => Err(clap::Error::raw(
                ErrorKind::ValueValidation,
                "--storage-option takes KEY=VALUE, such as aws_region=eu-west-1\n",
            )
            .with_cmd(command)),
        }
    }
}

/// Bytes, with a unit or without.
fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" | "k" => 1_000,
        "mb" | "m" => 1_000_000,
        "gb" | "g" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err("expected bytes, such as 500000, 64KiB or 10MB".to_string()),
    };
    let number: Option<u64> = number.parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(factor));
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "expected a number of bytes above 0".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_both_kinds() {
        assert_eq!(size("1500"), Ok(1500));
        assert_eq!(size("64KiB"), Ok(65536));
        assert_eq!(size("10 MB"), Ok(10_000_000));
        assert!(size("ten").is_err() && size("0").is_err() && size("5 apples").is_err());
    }
}
