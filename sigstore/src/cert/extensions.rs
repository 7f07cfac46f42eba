//! Fulcio's extensions: what an ID token said, written into the certificate.
//!
//! Each is numbered under one arc (`docs/oid-info.md` of Fulcio). Those up to `.6` hold the raw
//! bytes of the text, which is no DER at all; those from `.8` hold a DER `UTF8String`. The issuer
//! is written in both forms, because verifiers read one or the other. None is critical.
//!
//! Invariant: no field is empty, and [`FulcioExtensions::encode`] writes in ascending order.

use std::collections::BTreeMap;

use der::Decode;
use der::asn1::{ObjectIdentifier, Utf8StringRef};
use thiserror::Error;

use super::oids;
use crate::der_writer::{tag, tlv};

/// An extension of a certificate, of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Which one.
    pub oid: ObjectIdentifier,
    /// Whether a reader that does not know it has to refuse the certificate.
    pub critical: bool,
    /// The content of its octet string, as it stands.
    pub value: Vec<u8>,
}

/// Something that an ID token says and a certificate repeats.
///
/// In the order of their numbers, which is the order in certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "the names are Fulcio's, and `template_name` spells them"
)]
pub enum ExtensionField {
    GithubWorkflowTrigger,
    GithubWorkflowSha,
    GithubWorkflowName,
    GithubWorkflowRepository,
    GithubWorkflowRef,
    Issuer,
    BuildSignerUri,
    BuildSignerDigest,
    RunnerEnvironment,
    SourceRepositoryUri,
    SourceRepositoryDigest,
    SourceRepositoryRef,
    SourceRepositoryIdentifier,
    SourceRepositoryOwnerUri,
    SourceRepositoryOwnerIdentifier,
    BuildConfigUri,
    BuildConfigDigest,
    BuildTrigger,
    RunInvocationUri,
    SourceRepositoryVisibilityAtSigning,
    DeploymentEnvironment,
    TokenSubject,
}

impl ExtensionField {
    /// Every field, in ascending order.
    pub const ALL: [Self; 22] = [
        Self::GithubWorkflowTrigger,
        Self::GithubWorkflowSha,
        Self::GithubWorkflowName,
        Self::GithubWorkflowRepository,
        Self::GithubWorkflowRef,
        Self::Issuer,
        Self::BuildSignerUri,
        Self::BuildSignerDigest,
        Self::RunnerEnvironment,
        Self::SourceRepositoryUri,
        Self::SourceRepositoryDigest,
        Self::SourceRepositoryRef,
        Self::SourceRepositoryIdentifier,
        Self::SourceRepositoryOwnerUri,
        Self::SourceRepositoryOwnerIdentifier,
        Self::BuildConfigUri,
        Self::BuildConfigDigest,
        Self::BuildTrigger,
        Self::RunInvocationUri,
        Self::SourceRepositoryVisibilityAtSigning,
        Self::DeploymentEnvironment,
        Self::TokenSubject,
    ];

    /// The last number of its object identifier. For the issuer it is that of the DER form.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::GithubWorkflowTrigger => 2,
            Self::GithubWorkflowSha => 3,
            Self::GithubWorkflowName => 4,
            Self::GithubWorkflowRepository => 5,
            Self::GithubWorkflowRef => 6,
            Self::Issuer => 8,
            Self::BuildSignerUri => 9,
            Self::BuildSignerDigest => 10,
            Self::RunnerEnvironment => 11,
            Self::SourceRepositoryUri => 12,
            Self::SourceRepositoryDigest => 13,
            Self::SourceRepositoryRef => 14,
            Self::SourceRepositoryIdentifier => 15,
            Self::SourceRepositoryOwnerUri => 16,
            Self::SourceRepositoryOwnerIdentifier => 17,
            Self::BuildConfigUri => 18,
            Self::BuildConfigDigest => 19,
            Self::BuildTrigger => 20,
            Self::RunInvocationUri => 21,
            Self::SourceRepositoryVisibilityAtSigning => 22,
            Self::DeploymentEnvironment => 23,
            Self::TokenSubject => 24,
        }
    }

    /// Its object identifier. For the issuer it is that of the DER form.
    ///
    /// # Panics
    ///
    /// Never: one more number fits under the arc.
    #[must_use]
    pub fn oid(self) -> ObjectIdentifier {
        let oid = oids::FULCIO_ARC.push_arc(self.number());
        oid.expect("one more number fits under the arc")
    }

    /// The field with this identifier. [`oids::FULCIO_ISSUER_RAW`] is none of them.
    #[must_use]
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.oid() == oid)
    }

    /// The field's name in templates of claims, as Fulcio's configuration spells it.
    #[must_use]
    pub const fn template_name(self) -> &'static str {
        match self {
            Self::GithubWorkflowTrigger => "github-workflow-trigger",
            Self::GithubWorkflowSha => "github-workflow-sha",
            Self::GithubWorkflowName => "github-workflow-name",
            Self::GithubWorkflowRepository => "github-workflow-repository",
            Self::GithubWorkflowRef => "github-workflow-ref",
            Self::Issuer => "issuer",
            Self::BuildSignerUri => "build-signer-uri",
            Self::BuildSignerDigest => "build-signer-digest",
            Self::RunnerEnvironment => "runner-environment",
            Self::SourceRepositoryUri => "source-repository-uri",
            Self::SourceRepositoryDigest => "source-repository-digest",
            Self::SourceRepositoryRef => "source-repository-ref",
            Self::SourceRepositoryIdentifier => "source-repository-identifier",
            Self::SourceRepositoryOwnerUri => "source-repository-owner-uri",
            Self::SourceRepositoryOwnerIdentifier => "source-repository-owner-identifier",
            Self::BuildConfigUri => "build-config-uri",
            Self::BuildConfigDigest => "build-config-digest",
            Self::BuildTrigger => "build-trigger",
            Self::RunInvocationUri => "run-invocation-uri",
            Self::SourceRepositoryVisibilityAtSigning => "source-repository-visibility-at-signing",
            Self::DeploymentEnvironment => "deployment-environment",
            Self::TokenSubject => "token-subject",
        }
    }

    /// The field with this name.
    #[must_use]
    pub fn from_template_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|field| field.template_name() == name)
    }

    /// Whether the extension holds the bytes of the text itself.
    const fn is_raw(self) -> bool {
        self.number() <= 6
    }
}

/// What a certificate says of a signer beyond the name: each field at most once, none empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FulcioExtensions(BTreeMap<ExtensionField, String>);

impl FulcioExtensions {
    /// No field at all.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// What a field says, if it is there.
    #[must_use]
    pub fn get(&self, field: ExtensionField) -> Option<&str> {
        self.0.get(&field).map(String::as_str)
    }

    /// Sets a field. An empty text takes it away: Fulcio writes no empty extension.
    pub fn set(&mut self, field: ExtensionField, text: impl Into<String>) {
        let text = text.into();
        if text.is_empty() {
            self.0.remove(&field);
        } else {
            self.0.insert(field, text);
        }
    }

    /// Every field that is there, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (ExtensionField, &str)> {
        self.0.iter().map(|(field, text)| (*field, text.as_str()))
    }

    /// The extensions of a certificate, in ascending order, the issuer in both its forms.
    #[must_use]
    pub fn encode(&self) -> Vec<Extension> {
        let extension = |oid, value| Extension {
            oid,
            critical: false,
            value,
        };
        let issuer = self.get(ExtensionField::Issuer);
        let raw = issuer.map(|text| extension(oids::FULCIO_ISSUER_RAW, text.into()));
        let fields = self.iter().map(|(field, text)| {
            let value = if field.is_raw() {
                text.as_bytes().to_vec()
            } else {
                tlv(tag::UTF8_STRING, text.as_bytes())
            };
            extension(field.oid(), value)
        });
        raw.into_iter().chain(fields).collect()
    }

    /// Takes Fulcio's extensions out of those of a certificate, and passes over the others and
    /// over numbers it does not know.
    ///
    /// A certificate from before the DER form of the issuer has only the raw one, which is taken.
    /// Of any other certificate, [`FulcioExtensions::encode`] gives the same fields again.
    ///
    /// # Errors
    ///
    /// [`ExtensionsError`]: one twice, one empty, not the text it should be, or two issuers.
    pub fn parse<'a>(
        extensions: impl IntoIterator<Item = (ObjectIdentifier, &'a [u8])>,
    ) -> Result<Self, ExtensionsError> {
        let mut found = Self::new();
        let mut raw_issuer = None;
        for (oid, value) in extensions {
            let replaced = if oid == oids::FULCIO_ISSUER_RAW {
                raw_issuer.replace(text_of(oid, true, value)?)
            } else if let Some(field) = ExtensionField::from_oid(oid) {
                let text = text_of(oid, field.is_raw(), value)?;
                found.0.insert(field, text)
            } else {
                None
            };
            if replaced.is_some() {
                return Err(ExtensionsError::Twice { oid });
            }
        }
        let Some(raw) = raw_issuer else {
            return Ok(found);
        };
        let issuer = found.0.entry(ExtensionField::Issuer).or_insert(raw.clone());
        if *issuer != raw {
            let der = issuer.clone();
            return Err(ExtensionsError::TwoIssuers { raw, der });
        }
        Ok(found)
    }
}

/// Why Fulcio's extensions could not be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtensionsError {
    /// The same extension more than once.
    #[error("the extension {oid} is there twice")]
    Twice {
        /// Which one.
        oid: ObjectIdentifier,
    },
    /// An extension without text.
    #[error("the extension {oid} is empty")]
    Empty {
        /// Which one.
        oid: ObjectIdentifier,
    },
    /// Not the text that it should be.
    #[error("the extension {oid} is not {wanted}")]
    NotText {
        /// Which one.
        oid: ObjectIdentifier,
        /// The form of text that it has.
        wanted: &'static str,
    },
    /// Two forms of the issuer that do not say the same.
    #[error("the issuer is {raw:?} in one extension and {der:?} in another")]
    TwoIssuers {
        /// What the raw form says.
        raw: String,
        /// What the DER form says.
        der: String,
    },
}

fn text_of(oid: ObjectIdentifier, is_raw: bool, value: &[u8]) -> Result<String, ExtensionsError> {
    let (text, wanted) = if is_raw {
        (std::str::from_utf8(value).ok(), "utf-8")
    } else {
        let text = Utf8StringRef::from_der(value).ok();
        (text.map(|text| text.as_str()), "a der utf8string")
    };
    match text {
        None => Err(ExtensionsError::NotText { oid, wanted }),
        Some("") => Err(ExtensionsError::Empty { oid }),
        Some(text) => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
