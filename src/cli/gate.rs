//! What counts as a failure, and what is to be ignored.

use std::path::PathBuf;

use clap::Args;

use super::Level as LeastSeverity;
use super::rule_names::RuleName;
use lance_lint::finding::RuleInfo;
use lance_lint::policy::{Level, Options, PolicyError};

#[derive(Debug, Args)]
#[command(next_help_heading = "Rules and levels")]
pub struct GateArgs {
    /// The least severity that makes the exit status 1: error (the default), warning or info
    #[arg(long, value_enum, value_name = "LEVEL", env = "LANCE_LINT_FAIL_ON")]
    #[arg(hide_env_values = true, hide_env = true, hide_possible_values = true)]
    pub fail_on: Option<LeastSeverity>,
    /// Exit with 0 whatever is found
    #[arg(long)]
    pub exit_zero: bool,
    /// Make findings of a rule errors (repeatable, or with commas between)
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = RuleName)]
    #[arg(hide_possible_values = true)]
    error: Vec<&'static RuleInfo>,
    /// Make findings of a rule warnings
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = RuleName)]
    #[arg(hide_possible_values = true)]
    warn: Vec<&'static RuleInfo>,
    /// Make findings of a rule infos
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = RuleName)]
    #[arg(hide_possible_values = true)]
    #[arg(hide_short_help = true)]
    info: Vec<&'static RuleInfo>,
    /// Ignore a rule
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = RuleName)]
    #[arg(hide_possible_values = true)]
    #[arg(env = "LANCE_LINT_IGNORE", hide_env_values = true, hide_env = true)]
    ignore: Vec<&'static RuleInfo>,
    /// The configuration, in place of the nearest lance-lint.toml
    #[arg(long, value_name = "FILE", env = "LANCE_LINT_CONFIG")]
    #[arg(hide_env_values = true, hide_env = true)]
    config: Option<PathBuf>,
    /// Look for no configuration
    #[arg(long, hide_short_help = true)]
    no_config: bool,
    /// Ignore what is in this baseline
    #[arg(long, value_name = "FILE", env = "LANCE_LINT_BASELINE")]
    #[arg(hide_env_values = true, hide_env = true)]
    baseline: Option<PathBuf>,
    /// Write what is found to the baseline
    #[arg(long)]
    write_baseline: bool,
    /// Show what configurations, metadata and baselines ignore
    #[arg(long, hide_short_help = true)]
    no_ignores: bool,
}

impl GateArgs {
    /// What they ask of the policy.
    pub fn options(&self, untrusted: bool) -> Result<Options, PolicyError> {
        let mut levels: Vec<(&'static RuleInfo, Level)> = Vec::new();
        let given = [
            (&self.error, Level::Error),
            (&self.warn, Level::Warning),
            (&self.info, Level::Info),
            (&self.ignore, Level::Ignore),
        ];
        for (rules, level) in given {
            for rule in rules {
                if let Some((_, known)) = levels.iter().find(|(known, _)| known == rule)
                    && *known != level
                {
                    return Err(PolicyError(format!(
                        "{} is given two levels on the command line; keep one",
                        rule.id
                    )));
                }
                levels.push((rule, level));
            }
        }
        if self.no_config && self.config.is_some() {
            return Err(PolicyError(
                "--no-config and a configuration (--config or LANCE_LINT_CONFIG) exclude each \
                 other; keep one"
                    .to_string(),
            ));
        }
        Ok(Options {
            levels,
            config: self.config.clone(),
            no_config: self.no_config,
            untrusted,
            baseline: self.baseline.clone(),
            write_baseline: self.write_baseline,
            no_ignores: self.no_ignores,
            fail_on: self.fail_on.map(LeastSeverity::severity),
        })
    }
}
