//! What was learnt of some fragments of a snapshot, in a shape that can be written down and read
//! again by the same version of lance-lint.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use prost::Message;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::Request;
use super::column_stats::{ColumnStats, TallyPart};
use super::scan_result::{Cost, FragmentRun, ScanResult, Totals};
use crate::finding::{
    EncodingLabel, Evidence, Finding, Findings, Place, ReaderEffect, Remedy, RuleInfo, Severity,
};
use crate::format::limits::MAX_WIRE_DEPTH;
use crate::format::proto::lance::table::data_fragment::RowIdSequence;
use crate::format::row_ids::RowIds;
use crate::format::wire::UnknownField;
use crate::hash::HashMap;
use crate::model::encoding::{Child, Encoding, EncodingFamily, Kind, Node};
use crate::model::reader_name::Reader;
use crate::model::snapshot::{Selection, Snapshot};
use crate::model::target::Scope;
use crate::rules::{self, RowIdsOf};
use crate::storage::Location;

/// What was learnt of some fragments of a snapshot, before anything was made of it: no rule on the
/// dataset as a whole has run, and no policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// What was asked for.
    #[serde(flatten)]
    pub(super) asked: Asked,
    /// Which snapshot that was.
    pub(super) snapshot: SnapshotId,
    own: Cost,
    shared: Cost,
    totals: Totals,
    versions: BTreeMap<String, u64>,
    encodings: Vec<EncodingPart>,
    tally: TallyPart,
    stretches: Vec<StretchPart>,
    /// Where fragments that store row ids stand, and which of their rows are deleted.
    deleted: Vec<(usize, String)>,
}

/// What the parts of one check have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The dataset, as the user wrote it.
    pub dataset: String,
    /// The manifest, a name in `_versions`, when it was that which was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub named_manifest: Option<String>,
    /// The snapshot that was chosen.
    pub selection: Selection,
    /// The columns that were chosen.
    pub columns: Vec<String>,
    /// Releases that must be able to read it.
    pub readers: Vec<Reader>,
}

/// What tells one snapshot from all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SnapshotId {
    /// The root; a branch has its own.
    pub root: String,
    /// The version, as the manifest's name has it.
    pub version: u64,
    /// The manifest's path below the root.
    pub manifest: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its fragments.
    pub fragments: usize,
    /// What it says, hashed.
    pub fingerprint: String,
}

impl SnapshotId {
    pub fn new(snapshot: &Snapshot) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(&snapshot.message().encode_to_vec());
        let hash = hasher.finish128();
        Self {
            root: snapshot.root.to_string(),
            version: snapshot.entry.version,
            manifest: snapshot.entry.path.clone(),
            bytes: snapshot.manifest.size,
            fragments: snapshot.message().fragments.len(),
            fingerprint: format!("{:016x}{:016x}", hash.h1, hash.h2),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StretchPart {
    /// Where the fragments stand in the manifest: the first, and the one after the last.
    positions: (usize, usize),
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    findings: Vec<FindingPart>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    seen: Vec<SightPart>,
}

/// A rule's name, a field's id, and what was seen of it.
type SightPart = (String, i32, String);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FindingPart {
    rule: String,
    severity: Severity,
    message: String,
    column: Option<String>,
    places: Vec<Place>,
    count: u64,
    fragments: u64,
    last_fragment: Option<u64>,
    expected: Option<String>,
    found: Option<String>,
    /// Number of the encoding, path to the node, note.
    tree: Option<(usize, Vec<usize>, String)>,
    readers: Vec<ReaderEffect>,
    cause: Option<String>,
    help: Vec<Remedy>,
    unless: Option<SightPart>,
}

/// An encoding. Its nodes stand one behind another, each before its children.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct EncodingPart {
    vocabulary: EncodingFamily,
    notation: String,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    unknown: Vec<UnknownField>,
    nodes: Vec<NodePart>,
}

/// A node's kind, its role, and how many children it has.
type NodePart = (Kind, String, usize);

/// Encodings by number, equal ones once.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    all: Vec<EncodingPart>,
    by_text: HashMap<String, usize>,
    by_address: HashMap<usize, usize>,
}

impl Numbered {
    /// The number of an encoding.
    pub fn number(&mut self, encoding: &Arc<Encoding>) -> usize {
        // The caller holds on to it, so its address stays its own.
        let address = Arc::as_ptr(encoding).addr();
        if let Some(known) = self.by_address.get(&address) {
            return *known;
        }
        let part = EncodingPart::new(encoding);
        let text = serde_json::to_string(&part).unwrap_or_default();
        let next = self.all.len();
        let number = *self.by_text.entry(text).or_insert(next);
        if number == next {
            self.all.push(part);
        }
        self.by_address.insert(address, number);
        number
    }
}

impl EncodingPart {
    fn new(encoding: &Encoding) -> Self {
        let mut nodes = Vec::new();
        list_nodes(&encoding.root, "", &mut nodes);
        Self {
            vocabulary: encoding.vocabulary,
            notation: encoding.notation.to_string(),
            unknown: encoding.unknown.clone(),
            nodes,
        }
    }

    fn restore(self) -> Result<Arc<Encoding>, String> {
        let mut nodes = self.nodes.into_iter();
        let (_, root) = next_node(&mut nodes, 0).ok_or("an encoding is not whole")?;
        Ok(Arc::new(Encoding {
            number: None,
            vocabulary: self.vocabulary,
            root,
            notation: self.notation.into(),
            unknown: self.unknown,
        }))
    }
}

fn list_nodes(node: &Node, role: &str, into: &mut Vec<NodePart>) {
    into.push((node.kind.clone(), role.to_string(), node.children.len()));
    for child in &node.children {
        list_nodes(&child.node, &child.role, into);
    }
}

fn next_node(nodes: &mut impl Iterator<Item = NodePart>, depth: usize) -> Option<(String, Node)> {
    let (kind, role, children) = nodes.next().filter(|_| depth <= MAX_WIRE_DEPTH)?;
    let mut node = Node::leaf(kind);
    for _ in 0..children {
        let (role, child) = next_node(nodes, depth + 1)?;
        node.children.push(Child {
            role: Cow::Owned(role),
            node: child,
        });
    }
    Some((role, node))
}

impl Part {
    /// Writes down what was gathered of a snapshot.
    pub(super) fn new(
        root: &Location,
        scope: &Scope,
        request: &Request,
        snapshot: &Snapshot,
        gathered: &ScanResult,
    ) -> Self {
        let mut encodings = Numbered::default();
        let tally = gathered.tally.to_part(&mut encodings);
        let stretches = gathered.stretches.iter();
        let stretches = stretches.map(|stretch| StretchPart::new(stretch, &mut encodings));
        let stretches = stretches.collect();
        let deleted = gathered.row_ids.iter().filter_map(|(at, row_ids)| {
            let mut bytes = Vec::new();
            row_ids.deleted.as_ref()?.serialize_into(&mut bytes).ok()?;
            Some((*at, BASE64_STANDARD.encode(bytes)))
        });
        Self {
            asked: Asked {
                dataset: root.to_string(),
                named_manifest: scope.manifest(&request.selection).map(str::to_string),
                selection: request.selection.clone(),
                columns: request.columns.clone(),
                readers: request.readers.clone(),
            },
            snapshot: SnapshotId::new(snapshot),
            own: gathered.own,
            shared: gathered.shared,
            totals: gathered.totals,
            versions: gathered.versions.clone(),
            encodings: encodings.all,
            tally,
            stretches,
            deleted: deleted.collect(),
        }
    }

    /// What was gathered, row ids left out, and which rows are deleted of fragments that have such.
    ///
    /// # Errors
    /// A clause without a subject, when this was not written by [`Part::new`] of this very version.
    pub(super) fn restore(self) -> Result<(ScanResult, BTreeMap<usize, RoaringBitmap>), String> {
        let encodings = self.encodings.into_iter().map(EncodingPart::restore);
        let encodings: Vec<Arc<Encoding>> = encodings.collect::<Result<_, _>>()?;
        let stretches = self.stretches.into_iter();
        let stretches = stretches.map(|stretch| stretch.restore(&encodings));
        let deleted = self.deleted.into_iter().map(|(at, text)| {
            let bytes = BASE64_STANDARD.decode(text).ok();
            let rows = bytes.and_then(|bytes| RoaringBitmap::deserialize_from(&*bytes).ok());
            Ok((at, rows.ok_or("a list of deleted rows does not decode")?))
        });
        let gathered = ScanResult {
            stretches: stretches.collect::<Result<_, _>>()?,
            tally: ColumnStats::from_part(self.tally, &encodings)?,
            versions: self.versions,
            row_ids: BTreeMap::new(),
            totals: self.totals,
            own: self.own,
            shared: self.shared,
        };
        Ok((gathered, deleted.collect::<Result<_, String>>()?))
    }
}

/// The row ids of the fragments that were looked at, which stand in the manifest.
pub(super) fn row_ids(
    snapshot: &Snapshot,
    stretches: &[FragmentRun],
    mut deleted: BTreeMap<usize, RoaringBitmap>,
) -> BTreeMap<usize, Arc<RowIdsOf>> {
    let positions = stretches
        .iter()
        .flat_map(|stretch| stretch.positions.clone());
    let of_fragment = |at: usize| {
        let fragment = snapshot.message().fragments.get(at)?;
        let Some(RowIdSequence::InlineRowIds(bytes)) = &fragment.row_id_sequence else {
            return None;
        };
        let row_ids = RowIdsOf {
            fragment: fragment.id,
            ids: RowIds::decode(bytes).ok()?,
            deleted: deleted.remove(&at),
        };
        Some((at, Arc::new(row_ids)))
    };
    positions.filter_map(of_fragment).collect()
}

impl StretchPart {
    fn new(stretch: &FragmentRun, encodings: &mut Numbered) -> Self {
        let findings = stretch.findings.all().iter();
        let mut seen: Vec<SightPart> = stretch.findings.seen().map(sight_part).collect();
        seen.sort_unstable();
        Self {
            positions: (stretch.positions.start, stretch.positions.end),
            findings: findings.map(|f| FindingPart::new(f, encodings)).collect(),
            seen,
        }
    }

    fn restore(self, encodings: &[Arc<Encoding>]) -> Result<FragmentRun, String> {
        let (start, end) = self.positions;
        if end <= start {
            return Err("a stretch of fragments ends before it starts".to_string());
        }
        let findings = self.findings.into_iter();
        let findings = findings.map(|finding| finding.restore(encodings));
        let seen = self.seen.into_iter().map(sight);
        Ok(FragmentRun {
            positions: start..end,
            findings: Findings::of(
                findings.collect::<Result<_, _>>()?,
                seen.collect::<Result<Vec<_>, _>>()?,
            ),
        })
    }
}

fn sight_part((rule, field, what): &Evidence) -> SightPart {
    ((*rule).to_string(), *field, what.to_string())
}

fn sight((rule, field, what): SightPart) -> Result<Evidence, String> {
    Ok((rule_named(&rule)?.id, field, Cow::Owned(what)))
}

fn rule_named(name: &str) -> Result<&'static RuleInfo, String> {
    rules::named(name).map_err(|_| format!("no rule is called {name:?}"))
}

impl FindingPart {
    fn new(finding: &Finding, encodings: &mut Numbered) -> Self {
        let mut tree = |marked: &EncodingLabel| {
            let number = encodings.number(&marked.encoding);
            (number, marked.node.clone(), marked.note.clone())
        };
        Self {
            rule: finding.rule.id.to_string(),
            severity: finding.severity,
            message: finding.message.clone(),
            column: finding.column.clone(),
            places: finding.places.clone(),
            count: finding.count,
            fragments: finding.fragments,
            last_fragment: finding.last_fragment,
            expected: finding.expected.clone(),
            found: finding.found.clone(),
            tree: finding.tree.as_ref().map(&mut tree),
            readers: finding.readers.clone(),
            cause: finding.cause.clone(),
            help: finding.help.clone(),
            unless: finding.unless.as_ref().map(sight_part),
        }
    }

    fn restore(self, encodings: &[Arc<Encoding>]) -> Result<Finding, String> {
        let tree = |(number, node, note): (usize, Vec<usize>, String)| {
            let encoding = encodings.get(number).ok_or("an encoding is missing")?;
            Ok::<_, String>(EncodingLabel {
                encoding: encoding.clone(),
                node,
                note,
            })
        };
        let mut finding = rule_named(&self.rule)?.finding(self.message);
        finding.severity = self.severity;
        finding.column = self.column;
        finding.places = self.places;
        finding.count = self.count;
        finding.fragments = self.fragments;
        finding.last_fragment = self.last_fragment;
        finding.expected = self.expected;
        finding.found = self.found;
        finding.tree = self.tree.map(tree).transpose()?;
        finding.readers = self.readers;
        finding.cause = self.cause;
        finding.help = self.help;
        finding.unless = self.unless.map(sight).transpose()?;
        Ok(finding)
    }
}
