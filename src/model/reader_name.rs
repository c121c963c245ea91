//! Releases of readers as users name them: those of Lance, and those of LanceDB, which has a Lance
//! of its own inside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::readers::{NEWEST, OLDEST, Release};
use crate::did_you_mean;

/// The Lance inside each release of the Python package lancedb, oldest first: the crates that its
/// library was built from, which is what it writes into the manifests of its tables.
const LANCEDB: &[(Release, Release)] = &[
    (Release(0, 29, 0), Release(2, 0, 0)),
    (Release(0, 29, 1), Release(2, 0, 0)),
    (Release(0, 29, 2), Release(2, 0, 0)),
    (Release(0, 30, 0), Release(3, 0, 0)),
    (Release(0, 30, 1), Release(3, 0, 1)),
    (Release(0, 30, 2), Release(4, 0, 0)),
    (Release(0, 32, 0), Release(6, 0, 0)),
    (Release(0, 33, 0), Release(7, 0, 0)),
    (Release(0, 34, 0), Release(8, 0, 0)),
    (Release(0, 36, 0), Release(9, 0, 0)),
    (Release(0, 37, 1), Release(10, 0, 0)),
    (Release(0, 38, 0), Release(11, 0, 0)),
    (Release(0, 39, 0), Release(12, 0, 0)),
    (Release(0, 40, 0), Release(13, 0, 0)),
];

/// The last release of the series 0.x. After it came 1.0.0.
const LAST_MINOR_OF_0: u32 = 39;

/// How a release is to be written.
const HOW: &str = "write it as 0.32.1, pylance==0.32.1 or lancedb==0.30.2";

/// A release that must be able to read a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Reader {
    /// The release of Lance.
    pub lance: Release,
    /// The release of LanceDB that has it inside, when that was named.
    pub lancedb: Option<Release>,
}

/// How a reader is written down; one that is a release of Lance is that alone.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Lance(Release),
    Lancedb { lance: Release, lancedb: Release },
}

impl From<Written> for Reader {
    fn from(written: Written) -> Self {
        match written {
            Written::Lance(lance) => Self::from(lance),
            Written::Lancedb { lance, lancedb } => Self {
                lance,
                lancedb: Some(lancedb),
            },
        }
    }
}

impl From<Reader> for Written {
    fn from(Reader { lance, lancedb }: Reader) -> Self {
        match lancedb {
            None => Self::Lance(lance),
            Some(lancedb) => Self::Lancedb { lance, lancedb },
        }
    }
}

impl From<Release> for Reader {
    fn from(lance: Release) -> Self {
        Self {
            lance,
            lancedb: None,
        }
    }
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lance {}", self.lance)?;
        match self.lancedb {
            Some(lancedb) => write!(f, " (in lancedb {lancedb})"),
            None => Ok(()),
        }
    }
}

impl FromStr for Reader {
    type Err = String;

    /// Reads `0.32.1`, `pylance==0.32.1`, `lance 0.32` and `lancedb==0.30.2`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.find(|c: char| c.is_ascii_digit());
        let (name, number) = text.split_at(digits.unwrap_or(text.len()));
        let product = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let operator: String = name
            .get(product.len()..)
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        let product = product.to_lowercase();
        // As tags have it: v0.32.1.
        let product = product.strip_suffix('v').unwrap_or(&product).trim();
        let release =
            Release::from_str(number).map_err(|_| format!("that is no release of Lance; {HOW}"))?;
        if operator.contains(['<', '!']) {
            return Err(format!(
                "{text:?} is a range of releases; name the oldest that is to read the dataset, such as \
                 {release}"
            ));
        }
        match product {
            "" | "lance" | "pylance" => lance(release).map(Self::from),
            "lancedb" => lancedb(release),
            other => {
                let near = did_you_mean::hint(other, ["lancedb", "lance", "pylance"]);
                Err(format!(
                    "releases of {other} are not known here{near}; name the release of pylance that \
                     it reads with (pip show pylance), such as pylance=={NEWEST}"
                ))
            }
        }
    }
}

/// A release of Lance, when it is one of those that were tried or lies between two of them.
fn lance(release: Release) -> Result<Release, String> {
    if release > NEWEST {
        return Err(format!(
            "{release} is newer than {NEWEST}, the newest release of Lance that this build knows: \
             what it reads is not known here; name {NEWEST} or an older one, or install a newer \
             lance-lint"
        ));
    }
    if release < OLDEST {
        return Err(format!(
            "{release} is older than {OLDEST}, the oldest release of Lance that was tried: what it \
             reads is not known"
        ));
    }
    let Release(major, minor, _) = release;
    if major == 0 && minor > LAST_MINOR_OF_0 {
        let meant = LANCEDB.iter().any(|(lancedb, _)| *lancedb == release);
        let hint = match meant {
            true => format!("; did you mean lancedb=={release}?"),
            false => String::new(),
        };
        return Err(format!(
            "there is no release {release} of Lance: after 0.{LAST_MINOR_OF_0} came 1.0{hint}"
        ));
    }
    Ok(release)
}

/// The Lance inside a release of LanceDB.
fn lancedb(release: Release) -> Result<Reader, String> {
    let mut known = LANCEDB.iter();
    let inside = known.find(|(lancedb, _)| *lancedb == release);
    let Some((lancedb, lance)) = inside else {
        let (first, last) = match (LANCEDB.first(), LANCEDB.last()) {
            (Some((first, _)), Some((last, _))) => (first.to_string(), last.to_string()),
            _ => (String::new(), String::new()),
        };
        return Err(format!(
            "which Lance is inside lancedb {release} is not known here (known are releases from \
             {first} to {last}); name that release of Lance: the header of `lance-lint TABLE.lance` \
             shows it as the writer of a table that lancedb {release} has written to"
        ));
    };
    Ok(Reader {
        lance: *lance,
        lancedb: Some(*lancedb),
    })
}

/// The first release of LanceDB whose Lance is a release or later.
pub fn first_lancedb(lance: Release) -> Option<Release> {
    let mut known = LANCEDB.iter();
    let first = known.find(|(_, inside)| *inside >= lance);
    first.map(|(lancedb, _)| *lancedb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Reader, String> {
        text.parse()
    }

    fn refused(text: &str) -> String {
        parsed(text).err().unwrap_or_default()
    }

    #[test]
    fn releases_of_lance_are_spelt_in_many_ways() {
        for text in [
            "0.32.1",
            "v0.32.1",
            "pylance==0.32.1",
            "lance 0.32.1",
            "Lance v0.32.1",
            "pylance>=0.32.1",
            "pylance 0.32.1",
        ] {
            assert_eq!(parsed(text), Ok(Release(0, 32, 1).into()), "{text}");
        }
        assert_eq!(parsed("0.39"), Ok(Release(0, 39, 0).into()));
    }

    #[test]
    fn a_release_of_lancedb_stands_for_the_lance_inside() {
        for (lancedb, lance) in LANCEDB {
            let reader = parsed(&format!("lancedb=={lancedb}"));
            assert_eq!(
                reader,
                Ok(Reader {
                    lance: *lance,
                    lancedb: Some(*lancedb)
                })
            );
        }
        assert!(LANCEDB.is_sorted_by(|(a, in_a), (b, in_b)| a < b && in_a <= in_b));
        assert!(refused("lancedb==99").contains("which Lance is inside lancedb 99.0.0"));
    }

    #[test]
    fn what_is_no_release_of_lance_is_refused() {
        assert!(refused("99").contains("newer than 14.0.2"));
        assert!(refused("0.5.1").contains("older than 0.9.19"));
        assert!(refused("0.40.0").ends_with("did you mean lancedb==0.40.0?"));
        assert!(refused("daft==0.5.11").contains("releases of daft are not known here"));
        assert!(refused("pylanec==1.0.0").contains("did you mean pylance?"));
        assert!(refused("pylance<1.0").contains("is a range of releases"));
        assert!(refused("newest").contains("is no release of Lance"));
    }
}
