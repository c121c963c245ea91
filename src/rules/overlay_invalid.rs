use super::{FragmentView, Rule};
use crate::finding::{Findings, Place, RuleInfo};

rule! {
    /// An overlay file replaces single values of a fragment. The manifest lists one that is
    /// missing, or that does not fit its fragment.
    ///
    /// ## What readers do
    /// Released builds of Lance refuse a dataset with overlays:
    /// `This dataset cannot be read by this version of Lance … Flags: 64`. The environment
    /// variable `LANCE_ENABLE_UNSTABLE_DATA_OVERLAY_FILES=1` switches overlays on. What follows is
    /// what readers do then:
    ///
    /// - The overlay has no data file: the dataset does not open,
    ///   `DataOverlayFile is missing its data_file`.
    /// - It does not say which rows it covers: the dataset does not open,
    ///   `DataOverlayFile is missing its coverage`.
    /// - It says so by a bitmap that does not decode: the dataset does not open,
    ///   `failed to deserialize overlay coverage bitmap`.
    /// - It says so of other fields than it holds: reads fail,
    ///   `overlay per-field coverage has … bitmaps`.
    /// - Its data file is not there: reads fail, `Not found: …/data/….lance`.
    /// - It covers rows that the fragment does not have: the value is passed over **without a
    ///   word**.
    ///
    /// ## How it comes about
    /// In the tests the overlay file was removed, and an overlay was committed for a row that the
    /// fragment does not have. Overlays are not finished in Lance 14.0.2.
    ///
    /// ## How to fix it
    /// Restore the file from a copy. Or go back to the last version without the overlay, and so
    /// without its values and what was committed since.
    ///
    /// Where the dataset opens, that is `lance.dataset(uri, version=N).restore()`. Where it does
    /// not, `restore()` fails too. Move the newest manifest away then:
    ///
    /// ```text
    /// mv _versions/N.manifest _versions/N.manifest.broken
    /// ```
    static INFO = Error "overlay-invalid", "an overlay file is missing, or does not fit the fragment that it is for";
}

/// See [`INFO`].
pub struct OverlayInvalid;

impl Rule for OverlayInvalid {
    fn info(&self) -> &'static RuleInfo {
        &INFO
    }

    fn fragment(&self, view: &FragmentView<'_>, findings: &mut Findings) {
        for overlay in view.overlays {
            let Some((fault, effect)) = &overlay.fault else {
                continue;
            };
            findings.add(
                INFO.finding("an overlay file does not fit its fragment or is not there")
                    .at(Place {
                        fragment: Some(view.fragment.id),
                        file: Some(overlay.name.clone()),
                        detail: Some(fault.clone()),
                        ..Place::default()
                    })
                    .instead("an overlay file that is there and covers rows of the fragment", fault.clone())
                    .reader("to_table() with overlays switched on", *effect)
                    .help("restore the file from a copy, or go back to the last version without the overlay"),
            );
        }
    }
}
