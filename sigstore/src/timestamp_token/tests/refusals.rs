//! Each input that is refused, by name.

use super::*;

fn request() -> TimestampRequest {
    TimestampRequest {
        imprint: imprint(HashAlgorithm::Sha256, b"signature"),
        policy: None,
        nonce: None,
        wants_certificate: false,
    }
}

/// A request with other bytes in the place of some.
fn changed(from: &[u8], to: &[u8]) -> Result<TimestampRequest, RequestError> {
    let der = hex::encode(request().to_der());
    let (from, to) = (hex::encode(from), hex::encode(to));
    assert_eq!(der.matches(&from).count(), 1, "{from} is not once in {der}");
    TimestampRequest::parse_der(&hex::decode(der.replace(&from, &to)).unwrap())
}

/// A request made of these elements.
fn made_of(elements: &[&[u8]]) -> Result<TimestampRequest, RequestError> {
    TimestampRequest::parse_der(&writer::sequence(elements))
}

const VERSION: &[u8] = &[2, 1, 1];
const SHA_256_TAIL: &[u8] = &[0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

#[test]
fn requests_are_refused_for_what_is_wrong_with_them() {
    let imprint = request().imprint.to_der();
    let malformed = |result: Result<TimestampRequest, RequestError>, reason: &str| {
        let error = result.unwrap_err();
        assert!(matches!(error, RequestError::Malformed(_)), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.failure(), FailureInfo::BadDataFormat);
    };
    assert_eq!(
        made_of(&[&[2, 1, 2], &imprint]),
        Err(RequestError::Version { found: 2 })
    );
    let sha_1 = [&SHA_256_TAIL[..7], &[9][..]].concat();
    let unknown = changed(SHA_256_TAIL, &sha_1).unwrap_err();
    assert!(
        matches!(unknown, RequestError::UnknownHash { .. }),
        "{unknown:?}"
    );
    assert_eq!(unknown.failure(), FailureInfo::BadAlgorithm);
    malformed(made_of(&[VERSION]), "timestamp request");
    malformed(
        made_of(&[VERSION, &imprint, &[1, 1, 0]]),
        "certReq is TRUE or absent",
    );
    malformed(
        made_of(&[VERSION, &imprint, &[1, 1, 1]]),
        "certReq is TRUE or absent",
    );
    malformed(made_of(&[VERSION, &imprint, &[2, 2, 0, 1]]), "nonce");
    malformed(made_of(&[VERSION, &imprint, &[5, 0]]), "trailing");
    malformed(
        made_of(&[VERSION, &imprint, &[1, 1, 0xff], &[2, 1, 5]]),
        "trailing",
    );
    malformed(TimestampRequest::parse_der(&[]), "timestamp request");
    let extensions = made_of(&[VERSION, &imprint, &[0xa0, 2, 0x30, 0]]);
    assert_eq!(extensions, Err(RequestError::Extensions));
    let mut trailing = request().to_der();
    trailing.push(0);
    malformed(TimestampRequest::parse_der(&trailing), "trailing");
    let long = vec![0x30; REQUEST_LEN_BYTES_MAX + 1];
    let (found, max) = (REQUEST_LEN_BYTES_MAX + 1, REQUEST_LEN_BYTES_MAX);
    assert_eq!(
        TimestampRequest::parse_der(&long),
        Err(RequestError::TooLong { found, max })
    );
    assert_eq!(
        TimestampRequest::parse_json(&long),
        Err(RequestError::TooLong { found, max })
    );
}

/// A request for a digest by this hash, as `openssl ts -query` writes it.
fn with_hash(oid: &str, digest_len: usize) -> Result<TimestampRequest, RequestError> {
    let oid = writer::oid(&der::asn1::ObjectIdentifier::new(oid).unwrap());
    let algorithm = writer::sequence(&[&oid, &[5, 0]]);
    let digest = writer::element(writer::OCTET_STRING, &[&vec![1; digest_len]]);
    made_of(&[VERSION, &writer::sequence(&[&algorithm, &digest])])
}

#[test]
fn weak_and_unknown_hashes_are_refused() {
    assert_eq!(
        with_hash("1.3.14.3.2.26", 20),
        Err(RequestError::WeakHash { name: "sha1" })
    );
    assert_eq!(
        with_hash("1.2.840.113549.2.5", 16),
        Err(RequestError::WeakHash { name: "md5" })
    );
    let sha3 = with_hash("2.16.840.1.101.3.4.2.8", 32).unwrap_err();
    assert!(
        sha3.to_string().contains("2.16.840.1.101.3.4.2.8"),
        "{sha3}"
    );
    let short = with_hash("2.16.840.1.101.3.4.2.1", 31).unwrap_err();
    assert_eq!(
        short.to_string(),
        "message digest of 31 bytes, SHA2_256 makes 32"
    );
    let parsed = with_hash("2.16.840.1.101.3.4.2.3", 64).unwrap();
    assert_eq!(parsed.imprint.hash(), HashAlgorithm::Sha512);
}

#[test]
fn json_says_the_same_as_der() {
    let json = r#"{"artifactHash":"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
        "hashAlgorithm":"SHA256","certificates":true,"nonce":4660,"tsaPolicyOID":"1.2.3"}"#;
    let parsed = TimestampRequest::parse_json(json.as_bytes()).unwrap();
    assert!(parsed.imprint.is_of(b"test"));
    assert_eq!(parsed.nonce, Some(Nonce::from_u64(0x1234)));
    assert_eq!(parsed.policy.unwrap().to_string(), "1.2.3");
    assert!(parsed.wants_certificate);
    assert_eq!(TimestampRequest::parse_der(&parsed.to_der()), Ok(parsed));

    let json = br#"{"artifactHash":"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
        "hashAlgorithm":"sha256"}"#;
    let parsed = TimestampRequest::parse_json(json).unwrap();
    assert_eq!(
        (parsed.nonce, parsed.policy, parsed.wants_certificate),
        (None, None, false)
    );
}

#[test]
fn json_is_refused_for_what_is_wrong_with_it() {
    let with = |text: &str| {
        TimestampRequest::parse_json(text.as_bytes())
            .unwrap_err()
            .to_string()
    };
    let hash = r#""artifactHash":"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=""#;
    let cases = [
        ("[]".to_owned(), "timestamp request in json"),
        ("{}".to_owned(), "missing field `artifactHash`"),
        (format!("{{{hash}}}"), "missing field `hashAlgorithm`"),
        (
            format!(r#"{{{hash},"hashAlgorithm":"sha1"}}"#),
            "weak hash algorithm sha1",
        ),
        (
            format!(r#"{{{hash},"hashAlgorithm":"sha512"}}"#),
            "message digest of 32 bytes",
        ),
        (
            format!(r#"{{{hash},"hashAlgorithm":"crc"}}"#),
            r#"unknown hash algorithm "crc""#,
        ),
        (
            format!(r#"{{{hash},{hash},"hashAlgorithm":"sha256"}}"#),
            "duplicate field",
        ),
        (
            format!(r#"{{{hash},"hashAlgorithm":"sha256","nonse":1}}"#),
            "unknown field `nonse`",
        ),
        (
            format!(r#"{{{hash},"hashAlgorithm":"sha256","nonce":-1}}"#),
            "timestamp request in json",
        ),
        (
            format!(r#"{{{hash},"hashAlgorithm":"sha256","nonce":1.5}}"#),
            "timestamp request in json",
        ),
        (
            format!(r#"{{{hash},"hashAlgorithm":"sha256","tsaPolicyOID":"1.x"}}"#),
            "tsaPolicyOID",
        ),
        (
            r#"{"artifactHash":"???","hashAlgorithm":"sha256"}"#.to_owned(),
            "not base64",
        ),
        (
            format!(r#"{{{hash},"hashAlgorithm":"sha256"}} x"#),
            "trailing characters",
        ),
    ];
    for (json, reason) in cases {
        let error = with(&json);
        assert!(error.contains(reason), "{json}: {error}");
    }
}

#[test]
fn tokens_are_refused_by_the_check_that_they_fail() {
    let authority = authority();
    let chain = authority.chain();
    let right = authority.token_of(b"signature");
    let verify = |token: &[u8]| {
        let token = TimestampToken::parse_der(token).unwrap();
        chain.verify(&token, b"signature").map(|_| ()).unwrap_err()
    };
    let other = Authority::new(KeyDetails::EcdsaP256Sha256, TokenSignature::EcdsaSha256);
    assert_eq!(verify(&authority.token_of(b"other")), TokenError::Imprint);
    // The names and numbers of the other authority are the same: its certificate's hash is not.
    let by_hash = TokenError::Signer("the hash of its certificate");
    assert_eq!(verify(&other.token_of(b"signature")), by_hash);

    let statement = tst_info(imprint(HashAlgorithm::Sha256, b"signature"));
    let template = authority.template();
    let unsigned = template.prepare(&statement, true);
    let signature = other.key.sign(unsigned.signed_bytes());
    assert_eq!(verify(&unsigned.finish(&signature)), TokenError::Signature);

    let late = TstInfo {
        gen_time: time(NOW + HOUR + 1),
        ..statement.clone()
    };
    let (gen_time, place) = (late.gen_time.clone(), 0);
    let validity = TokenError::Validity { gen_time, place };
    assert_eq!(verify(&authority.token(&late, false)), validity);
    for edge in [NOW - HOUR, NOW + HOUR] {
        let gen_time = time(edge);
        let token = authority.token(
            &TstInfo {
                gen_time,
                ..statement.clone()
            },
            false,
        );
        let token = TimestampToken::parse_der(&token).unwrap();
        chain.verify(&token, b"signature").unwrap();
    }

    // Another certificate of the same length in the place of the authority's.
    let mut foreign = right;
    let certificate = &authority.chain[0];
    let at = foreign
        .windows(certificate.len())
        .position(|w| w == certificate)
        .unwrap();
    foreign[at + certificate.len() - 1] ^= 1;
    assert_eq!(verify(&foreign), TokenError::Certificate);
}

#[test]
fn chains_are_refused_by_the_check_that_they_fail() {
    let authority = authority();
    let [leaf, root] = authority.chain.as_slice() else {
        panic!("a leaf and a root")
    };
    let other = Authority::new(KeyDetails::EcdsaP256Sha256, TokenSignature::EcdsaSha256);
    let refused = |chain: &[&Vec<u8>]| TimestampChain::parse_der(chain).unwrap_err().to_string();
    assert_eq!(refused(&[]), "chain of 0 certificates, wanted 1 to 10");
    assert_eq!(
        refused(&[root; 11]),
        "chain of 11 certificates, wanted 1 to 10"
    );
    assert!(refused(&[root]).contains("place 0: it is a CA's"));
    assert!(refused(&[leaf, leaf]).contains("place 1: it is not a CA's"));
    assert!(refused(&[leaf, root, root]).contains("place 2: more CAs are below it"));
    let error = refused(&[leaf, &other.chain[1]]);
    assert!(
        error.contains("place 0 was not issued by the next one"),
        "{error}"
    );
    assert!(error.contains("not by the issuer's key"), "{error}");
    let long = vec![0x30; crate::public_key::CERTIFICATE_LEN_BYTES_MAX + 1];
    assert!(refused(&[&long]).contains("49153 bytes"));
    assert!(refused(&[&b"nonsense".to_vec()]).contains("certificate at place 0"));
}

#[test]
fn responses_are_refused_for_what_is_wrong_with_them() {
    let parse = |hex: &str| {
        TimestampResponse::parse_der(&hex::decode(hex).unwrap())
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(parse("30053003020100"), TokenFormatError::NoToken);
    // "Granted with modifications" is not what was asked for.
    assert_eq!(
        parse("30053003020101"),
        TokenFormatError::Status { found: 1 }
    );
    assert_eq!(
        parse("30053003020106"),
        TokenFormatError::Status { found: 6 }
    );
    assert_eq!(
        parse("300a300802010203030780ff"),
        TokenFormatError::FailureInfo
    );
    let token = authority().token_of(b"signature");
    let status = writer::sequence(&[&[2, 1, 2]]);
    let response = writer::sequence(&[&status, &token]);
    assert_eq!(
        TimestampResponse::parse_der(&response),
        Err(TokenFormatError::TokenInRejection)
    );
    let long = vec![0x30; RESPONSE_LEN_BYTES_MAX + 1];
    let (found, max) = (long.len(), RESPONSE_LEN_BYTES_MAX);
    assert_eq!(
        TimestampResponse::parse_der(&long),
        Err(TokenFormatError::TooLong { found, max })
    );
}

/// OpenSSL's order of certificates, which other readers refuse, too.
#[test]
fn sets_out_of_order_are_refused() {
    let content = [&[2, 1, 5][..], &[2, 1, 3]].concat();
    let error = crate::der_reader::set_elements("certificates", &content, 5).unwrap_err();
    assert_eq!(
        error.to_string(),
        "certificates: a SET OF that is not in DER's order"
    );
    let error = crate::der_reader::set_elements("certificates", &content, 1).unwrap_err();
    assert_eq!(error.to_string(), "certificates: more than 1 elements");
}
