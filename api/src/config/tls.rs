//! `[tls]` in cairn.toml: the files of a certificate and its key.

use std::path::{Path, PathBuf};

use super::table::{ConfigError, Field, Source, Table};

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    /// PEM: the server's certificate, then those that lead to its root.
    pub(crate) certificate: PathBuf,
    /// PEM.
    pub(crate) key: PathBuf,
}

/// Reads `[tls]`; without both keys there is no TLS.
pub(super) fn parse(
    source: Source<'_>,
    dir: &Path,
    field: &Field<'_>,
) -> Result<Option<TlsSettings>, ConfigError> {
    let mut table = Table::new(source, "tls", field.line(), field.table()?);
    let certificate = table.take("certificate");
    let key = table.take("key");
    let path = |field: Field<'_>| field.string().map(|path| dir.join(path));
    let settings = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(TlsSettings {
            certificate: path(certificate)?,
            key: path(key)?,
        }),
        (Some(_), None) => return Err(lacks(&table, "key")),
        (None, Some(_)) => return Err(lacks(&table, "certificate")),
    };
    table.finish()?;
    Ok(settings)
}

fn lacks(table: &Table<'_>, key: &str) -> ConfigError {
    let fix = format!("add a line `{key} = ...` to this table, or remove the other");
    table.refuse(
        key,
        "nothing",
        "a PEM file; TLS needs `certificate` and `key`",
        &fix,
    )
}
