//! What a log's anchors remember, gathered before the log is opened: files are left to the engine,
//! URLs of public copies are asked here.

use engine::{Anchor, OpenError};

use crate::command::remote::RemoteLog;
use crate::config::{AnchorSetting, LogSettings};

/// What to do about a public copy that doesn't answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// Don't open the log: nobody could tell whether it was rolled back.
    Refuse,
    /// Say so and go on: whoever opens the log next will ask again.
    Skip,
}

/// The anchors of a log for the engine, without those that `waived` names.
///
/// # Errors
/// If a public copy doesn't answer with something like a checkpoint.
pub(crate) fn gather(
    settings: &LogSettings,
    waived: &[String],
    unreachable: Unreachable,
) -> Result<Vec<Anchor>, OpenError> {
    let mut anchors = Vec::new();
    for setting in &settings.anchors {
        let place = setting.to_string();
        let is_waived = waived.contains(&place);
        if is_waived {
            tracing::warn!(
                log = settings.name,
                anchor = place,
                "this anchor is not asked, as --without-anchor says: nothing would be noticed if \
                 this log is older than it"
            );
        }
        match setting {
            AnchorSetting::File(path) => {
                let anchor = Anchor::file(path);
                anchors.extend(if is_waived {
                    anchor.unread()
                } else {
                    Some(anchor)
                });
            }
            AnchorSetting::Url(_) if is_waived => {}
            AnchorSetting::Url(url) => match seen(url) {
                Ok(anchor) => anchors.push(anchor),
                Err(error) if unreachable == Unreachable::Skip => {
                    let why = format!("{error:#}");
                    tracing::warn!(log = settings.name, anchor = place, why, "not asked");
                }
                Err(error) => {
                    return Err(OpenError::Anchor {
                        anchor: place,
                        why: format!("{error:#}"),
                    });
                }
            },
        }
    }
    Ok(anchors)
}

fn seen(url: &str) -> anyhow::Result<Anchor> {
    let note = RemoteLog::new(url)?.note()?;
    Ok(Anchor::seen(url.to_owned(), note.into()))
}
