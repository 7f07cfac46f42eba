//! Log files as a crash leaves them, as damage leaves them, and as a client would like them.

use proptest::prelude::*;

use super::*;

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap().to_le_bytes();
    let crc = masked_crc(kind, content).to_le_bytes();
    [&crc[..], &len, &[kind], content].concat()
}

/// The content of a batch of one operation.
fn batch(sequence: u64, operation: &[u8]) -> Vec<u8> {
    let head = [&sequence.to_le_bytes()[..], &1_u32.to_le_bytes()].concat();
    [&head[..], &LOG_DATA, &[0xA5; Mark::LEN], operation].concat()
}

/// A write-ahead log of three batches, the second in two records.
fn file() -> (Vec<u8>, usize) {
    let before = [
        record(1, &batch(1, b"first batch")),
        record(2, &batch(2, b"second")),
        record(4, b"batch"),
    ]
    .concat();
    let last = before.len();
    let file = [before, record(1, &batch(3, b"the last batch"))].concat();
    (file, last)
}

fn damage_of(file: &[u8]) -> Option<usize> {
    let log = WriteAheadLog::walk(file);
    damage(file, |at| log.has_batch(at))
}

#[test]
fn whole_torn_and_preallocated_files_pass() {
    let (file, last) = file();
    for cut in last..=file.len() {
        assert_eq!(damage_of(&file[..cut]), None, "cut at {cut}");
    }
    assert_eq!(damage_of(&[&file[..], &[0; 100]].concat()), None);
    assert_eq!(damage_of(b""), None);
}

#[test]
fn any_flipped_bit_between_the_first_and_the_last_batch_is_found() {
    let (file, last) = file();
    let second = record(1, &batch(1, b"first batch")).len();
    for bit in second * 8..last * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = damage_of(&flipped);
        assert!(found.is_some_and(|at| at <= bit / 8), "bit {bit}");
    }
}

#[test]
fn any_flipped_bit_before_the_end_of_a_manifest_is_found() {
    let (file, last) = file();
    for bit in 0..last * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = damage(&flipped, |at| begins_batch(&flipped, at));
        assert!(found.is_some_and(|at| at <= bit / 8), "bit {bit}");
    }
}

#[test]
fn a_damaged_first_batch_is_known_by_the_next_block() {
    let long = batch(1, &vec![7; BLOCK_LEN - HEADER_LEN - 30]);
    let mut file = [record(1, &long), record(1, &batch(2, b"x"))].concat();
    assert_eq!(damage_of(&file), None);
    file[100] ^= 1;
    assert_eq!(damage_of(&file), Some(0));
}

#[test]
fn a_hole_of_zeros_is_found() {
    let (mut file, _) = file();
    let second = record(1, &batch(1, b"first batch")).len();
    file[second..second + HEADER_LEN].fill(0);
    assert_eq!(damage_of(&file), Some(second));
}

#[test]
fn a_recyclable_type_is_found_even_at_the_end() {
    for kind in RECYCLABLE_TYPES {
        let (mut file, last) = file();
        file[last + 6] = kind;
        assert_eq!(damage_of(&file), Some(last));
    }
}

#[test]
fn a_last_batch_whose_header_never_reached_the_disk_is_a_torn_end() {
    for kind in [0, 65] {
        let (mut file, last) = file();
        file[last..last + HEADER_LEN].fill(0);
        file[last + 6] = kind;
        assert_eq!(damage_of(&file), None);
    }
}

#[test]
fn records_go_on_in_the_next_block() {
    // Leaves three bytes at the end of the block, which stay zero.
    let long = vec![7; BLOCK_LEN - HEADER_LEN - 3];
    let file = [record(1, &long), vec![0; 3], record(1, b"x")];
    assert_eq!(damage_of(&file.concat()), None);
}

#[test]
fn a_torn_batch_of_several_records_is_a_torn_end() {
    let (file, _) = file();
    let page = record(4, b"page that was written");
    let mut file = [file, record(2, b"lost page"), page.clone()].concat();
    let at = file.len() - page.len() - 3;
    file[at] ^= 1;
    assert_eq!(damage_of(&file), None);
}

#[test]
fn what_looks_like_a_batch_in_the_content_of_a_torn_one_is_not_taken_for_one() {
    let wanted = record(1, &[1]);
    let guess = record(
        1,
        &[&7_u64.to_le_bytes()[..], &[1, 0, 0, 0, 3, 16], &[9; 16]].concat(),
    );
    let (before, _) = file();
    for content in [wanted, guess] {
        let torn = record(1, &batch(4, &content.repeat(50)));
        for cut in 0..torn.len() {
            let file = [&before[..], &torn[..cut]].concat();
            assert_eq!(damage_of(&file), None, "cut at {cut}");
        }
    }
}

#[test]
fn a_torn_end_is_refused_if_the_next_log_file_is_from_after_it() {
    let (whole, last) = file();
    let next = |sequence| record(1, &batch(sequence, b"in the next file"));
    let checked = |first: &[u8], second: &[u8]| {
        let dir = tempfile::tempdir().unwrap();
        // Ten is behind nine by its number, not by its name.
        fs::write(dir.path().join("000009.log"), first).unwrap();
        fs::write(dir.path().join("10.log"), second).unwrap();
        check(dir.path()).map_err(|error| error.to_string())
    };
    let torn = &whole[..whole.len() - 1];
    let zeroed = [&whole[..last], &vec![0; whole.len() - last]].concat();
    // The last whole batch is number two; the torn one was three or more.
    for lost in [torn, &zeroed] {
        assert_eq!(checked(lost, &next(3)), Ok(()), "torn by an earlier crash");
        assert_eq!(checked(lost, b""), Ok(()));
        let error = checked(lost, &next(5)).unwrap_err();
        assert!(error.contains("000009.log"), "{error}");
        assert!(
            error.contains("the next log file is from after it"),
            "{error}"
        );
    }
    assert_eq!(checked(&whole, &next(4)), Ok(()));
    assert_eq!(
        checked(&whole, &next(5)),
        Ok(()),
        "a run was taken in between"
    );
}

proptest! {
    /// What clients send never decides whether a torn end passes.
    #[test]
    fn content_does_not_change_the_verdict(
        content in proptest::collection::vec(any::<u8>(), 0..200),
        repeated in 1_usize..400,
        cut in 0.0_f64..1.0,
    ) {
        let (before, _) = file();
        let operation = record(1, &content).repeat(repeated);
        prop_assume!(operation.len() < 20_000);
        let torn = record(1, &batch(4, &operation));
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, clippy::cast_sign_loss,
            clippy::cast_precision_loss, reason = "a fraction of a length")]
        let len = (torn.len() as f64 * cut) as usize;
        let file = [&before[..], &torn[..len]].concat();
        prop_assert_eq!(damage_of(&file), None);
    }
}
