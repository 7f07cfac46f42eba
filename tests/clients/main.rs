//! Programs of others against a running `cairnd`: an independent verifier in Python, nginx, the
//! auditor of another log server, openssl and curl; and Sigstore clients against a whole instance.
//!
//! scripts/setup.sh and scripts/peers.sh install the former, and the Sigstore clients install
//! themselves, below the folder of the tools. What is not there, or has a registry that does not
//! answer, is skipped loudly; a failed install fails. With `CAIRN_CLIENT_TABLE` set, every run of a
//! Sigstore client leaves a line in that file, which scripts/test.sh prints as a table.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod certificate_log;
mod client;
mod command_line;
mod cosign;
mod fulcio_leaf;
mod grpc;
mod images;
mod install;
mod model_signing;
mod oidc_login;
mod openssl;
mod peers;
mod python_tuf;
mod restored;
mod run;
mod scene;
mod signing_tools;
mod sigstore_go;
mod sigstore_java;
mod sigstore_js;
mod sigstore_python;
mod sigstore_rust;
mod static_files;
mod tls;
mod tls_issuer;
mod verifier;
