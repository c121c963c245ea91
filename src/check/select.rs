//! Which fragments of a snapshot are looked at: those of the named files, of the ids asked for,
//! and a sample of them.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use siphasher::sip::SipHasher13;

use super::Request;
use super::dataset::Parts;
use crate::error::Error;
use crate::format::proto::lance::table::DataFragment;
use crate::hash::HashSet;
use crate::model::snapshot::Snapshot;

/// Ids of fragments, from the first to before the last; without one, to where they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentRange {
    /// The first.
    pub start: Option<u64>,
    /// The one after the last.
    pub end: Option<u64>,
}

impl FragmentRange {
    /// The first and the last; `None` where there is none.
    fn span(&self) -> Option<(u64, u64)> {
        let first = self.start.unwrap_or(0);
        let last = match self.end {
            Some(end) => end.checked_sub(1)?,
            None => u64::MAX,
        };
        (first <= last).then_some((first, last))
    }
}

/// Ids as spans that ascend and do not overlap.
struct Ids(Vec<(u64, u64)>);

impl Ids {
    fn new(spans: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut given: Vec<(u64, u64)> = spans.collect();
        given.sort_unstable();
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for (first, last) in given {
            match spans.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => spans.push((first, last)),
            }
        }
        Self(spans)
    }

    fn has(&self, id: u64) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= id);
        let span = behind.checked_sub(1).and_then(|at| self.0.get(at));
        span.is_some_and(|(_, last)| id <= *last)
    }
}

impl fmt::Display for FragmentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |f: &mut fmt::Formatter<'_>, end: Option<u64>| match end {
            Some(end) => write!(f, "{end}"),
            None => Ok(()),
        };
        end(f, self.start)?;
        f.write_str("..")?;
        end(f, self.end)
    }
}

impl FromStr for FragmentRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((start, end)) = text.split_once("..") else {
            return Err("write A..B, where B is the first id that is left out".to_string());
        };
        let id = |text: &str| match text {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| format!("{text:?} is no id of a fragment")),
        };
        let range = Self {
            start: id(start)?,
            end: id(end)?,
        };
        match (range.start, range.end) {
            (Some(start), Some(end)) if end < start => Err("it ends before it starts".to_string()),
            _ => Ok(range),
        }
    }
}

/// How many fragments are to be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SampleSize {
    /// So many.
    Count(u64),
    /// So much of them, from 0 to 1.
    Share(f64),
}

impl SampleSize {
    /// How many that is of `all`: at least one, where there is one.
    fn of(self, all: usize) -> usize {
        let wanted = match self {
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            // Exact enough: it is a number of fragments.
            Self::Share(share) => (all as f64 * share).round() as usize,
        };
        wanted.max(1).min(all)
    }
}

impl FromStr for SampleSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = |number: &str, whole: f64| {
            let number: f64 = number.parse().ok()?;
            let share = number / whole;
            (share > 0.0 && share <= 1.0).then_some(Self::Share(share))
        };
        let size = match text.strip_suffix('%') {
            Some(number) => share(number.trim_end(), 100.0),
            None if text.contains('.') => share(text, 1.0),
            None => text.parse().ok().filter(|n| *n > 0).map(Self::Count),
        };
        size.ok_or_else(|| {
            "write a number of fragments such as 500, or a share such as 5% or 0.05".to_string()
        })
    }
}

/// A spread choice of fragments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// How many.
    pub size: SampleSize,
    /// What the choice within each stretch of fragments depends on.
    pub seed: u64,
}

impl Sample {
    /// Cuts the fragments into as many equal stretches as are to be chosen, and takes one of each.
    /// The same seed makes the same choice everywhere.
    fn choose(&self, all: &[usize]) -> Vec<usize> {
        let strata = self.size.of(all.len());
        let bound = |stratum: usize| {
            let bound = all.len() as u128 * stratum as u128 / strata.max(1) as u128;
            usize::try_from(bound).unwrap_or(all.len())
        };
        let pick = |stratum: usize| {
            let (start, end) = (bound(stratum), bound(stratum + 1));
            let mut hasher = SipHasher13::new_with_keys(self.seed, 0);
            hasher.write(&(stratum as u64).to_le_bytes());
            let width = (end - start) as u64;
            let offset = hasher.finish().checked_rem(width).unwrap_or(0);
            all.get(start + usize::try_from(offset).unwrap_or(0))
                .copied()
        };
        (0..strata).filter_map(pick).collect()
    }
}

/// What share of the fragments a sample was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampled {
    /// Fragments that were looked at.
    pub chosen: u64,
    /// Fragments that they were chosen from.
    pub of: u64,
    /// The seed of the choice.
    pub seed: u64,
}

impl Sampled {
    /// The same as a sentence.
    pub fn note(&self) -> String {
        let percent = match self.of {
            0 => 0.0,
            of => self.chosen as f64 * 100.0 / of as f64,
        };
        format!(
            "looked at: {} of {} fragments ({percent:.1} %), a sample with seed {}",
            self.chosen, self.of, self.seed
        )
    }
}

/// The fragments that are looked at.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Where they stand in the manifest, in ascending order.
    pub positions: Vec<usize>,
    /// What share of those asked for they are, when they are a sample.
    pub sampled: Option<Sampled>,
    /// What is to be said of the choice.
    pub note: Option<String>,
}

/// Chooses among the fragments of a snapshot.
///
/// # Errors
/// A sentence, when a single fragment that was asked for is not there. A range may be empty, such as
/// the share of one worker among many.
pub(super) fn choose(
    snapshot: &Snapshot,
    parts: &Parts,
    request: &Request,
) -> Result<Chosen, Error> {
    let all = &snapshot.message().fragments;
    let (single, ranges) = (&request.fragments, &request.fragment_ranges);
    if !single.is_empty() {
        let known: HashSet<u64> = all.iter().map(|fragment| fragment.id).collect();
        if let Some(id) = single.iter().find(|id| !known.contains(id)) {
            return Err(no_such_fragment(snapshot, *id));
        }
    }
    let spans = ranges.iter().filter_map(FragmentRange::span);
    let ids = Ids::new(spans.chain(single.iter().map(|id| (*id, *id))));
    let wanted = |fragment: &DataFragment| !request.chooses_fragments() || ids.has(fragment.id);
    let asked = all.iter().enumerate();
    let asked = asked.filter(|(_, fragment)| wanted(fragment) && parts.has_fragment(fragment));
    let asked: Vec<usize> = asked.map(|(at, _)| at).collect();
    if asked.is_empty() && !single.is_empty() {
        return Err(Error::other(format!(
            "nothing of {} matches: the named files are in other fragments than --fragment",
            snapshot.root
        )));
    }
    let note = (asked.is_empty() && !ranges.is_empty()).then(|| {
        let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        format!("looked at no fragment: none is in {}", ranges.join(", "))
    });
    Ok(match &request.sample {
        None => Chosen {
            positions: asked,
            sampled: None,
            note,
        },
        Some(sample) => {
            let positions = sample.choose(&asked);
            let sampled = Sampled {
                chosen: positions.len() as u64,
                of: asked.len() as u64,
                seed: sample.seed,
            };
            Chosen {
                positions,
                sampled: Some(sampled),
                note: Some(note.unwrap_or_else(|| sampled.note())),
            }
        }
    })
}

fn no_such_fragment(snapshot: &Snapshot, id: u64) -> Error {
    let all = &snapshot.message().fragments;
    let ids: Vec<String> = all.iter().take(8).map(|f| f.id.to_string()).collect();
    let more = if all.len() > 8 { ", …" } else { "" };
    let known = match all.len() {
        0 => "it has no fragments".to_string(),
        1 => format!("its only fragment is {}", ids.join("")),
        many => format!("it has {many}: {}{more}", ids.join(", ")),
    };
    Error::other(format!(
        "version {} of {} has no fragment {id}; {known}",
        snapshot.version(),
        snapshot.root
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_half_open_and_may_lack_an_end() {
        let has = |text: &str, id| {
            let range: FragmentRange = text.parse().unwrap();
            Ids::new(range.span().into_iter()).has(id)
        };
        assert!(has("3..5", 3) && has("3..5", 4) && !has("3..5", 5) && !has("3..5", 2));
        assert!(has("3..", u64::MAX) && !has("3..", 2));
        assert!(has("..3", 0) && !has("..3", 3));
        assert!(has("..", 7) && !has("5..5", 5) && !has("..0", 0));
        let several = Ids::new([(7, 9), (1, 3), (2, 5), (12, 12)].into_iter());
        let held: Vec<u64> = (0..15).filter(|id| several.has(*id)).collect();
        assert_eq!(held, [1, 2, 3, 4, 5, 7, 8, 9, 12]);
        for wrong in ["7", "5..3", "a..b", "1..-2", ""] {
            assert!(wrong.parse::<FragmentRange>().is_err(), "{wrong}");
        }
        for text in ["3..5", "3..", "..3", ".."] {
            assert_eq!(text.parse::<FragmentRange>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_sample_takes_one_of_each_stretch_and_the_same_with_the_same_seed() {
        let all: Vec<usize> = (0..1000).map(|n| n * 3).collect();
        let sample = |size: &str, seed| {
            let size = size.parse().unwrap();
            Sample { size, seed }.choose(&all)
        };
        let chosen = sample("10%", 0);
        assert_eq!(chosen.len(), 100);
        for (stretch, at) in chosen.iter().enumerate() {
            assert!(all[stretch * 10..stretch * 10 + 10].contains(at), "{at}");
        }
        assert_eq!(chosen, sample("0.1", 0));
        assert_eq!(chosen, sample("100", 0));
        assert_ne!(chosen, sample("100", 1));
        assert_eq!(sample("5000", 7), all);
        assert_eq!(sample("100%", 7), all);
        assert_eq!(sample("0.01%", 7).len(), 1);
        let nothing = Sample {
            size: SampleSize::Count(4),
            seed: 0,
        };
        assert!(nothing.choose(&[]).is_empty());
    }

    #[test]
    fn a_size_is_a_number_or_a_share() {
        let size = |text: &str| text.parse::<SampleSize>();
        assert_eq!(size("500"), Ok(SampleSize::Count(500)));
        assert_eq!(size("1"), Ok(SampleSize::Count(1)));
        assert_eq!(size("1.0"), Ok(SampleSize::Share(1.0)));
        assert_eq!(size("5%"), Ok(SampleSize::Share(0.05)));
        assert_eq!(size("2.5 %"), Ok(SampleSize::Share(0.025)));
        for wrong in ["0", "0%", "0.0", "101%", "1.5", "-3", "NaN%", "x", ""] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
