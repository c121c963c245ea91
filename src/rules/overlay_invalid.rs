use super::{FragmentView, Rule};
use crate::finding::{Findings, Place, RuleInfo};

rule! {
    /// An overlay file replaces single values of a fragment. The manifest lists one that has no data file or
    /// does not say which rows it covers, that covers rows which the fragment does not have, that says
    /// of other fields than it holds which rows it covers, or whose data file is not there. Where
    /// readers take overlays at all (an environment variable switches them on in released builds),
    /// they refuse the dataset, or fail when they read the fragment.
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
                    .mend("restore the file from a copy, or go back to the last version without the overlay"),
            );
        }
    }
}
