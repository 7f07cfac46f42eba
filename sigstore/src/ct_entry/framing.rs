//! How a certificate log frames its entries, for whoever reads one of others: tile leaves, one
//! after the other, of each of which a part is hashed.

use tiles::{Framing, Hash, Layout, TileWidth};

use super::TileLeaf;

/// That of C2SP static-ct-api: tile leaves, of each of which a part is hashed.
pub const STATIC_CT: Framing = Framing {
    layout: Layout::StaticCt,
    prefix_len: |bytes, count| {
        let mut rest = bytes;
        for _ in 0..count {
            rest = first(rest)?.1;
        }
        Ok(bytes.len().saturating_sub(rest.len()))
    },
    leaves: data_tile_leaves,
};

fn data_tile_leaves(bytes: &[u8], width: TileWidth) -> Result<Vec<Hash>, String> {
    let mut rest = bytes;
    let mut entries = Vec::with_capacity(width.count());
    for _ in 0..width.count() {
        let (leaf, after) = first(rest)?;
        entries.push(leaf.tree_leaf().map_err(|error| error.to_string())?);
        rest = after;
    }
    if !rest.is_empty() {
        let (found, width) = (rest.len(), width.count());
        return Err(format!("{found} bytes after {width} leaves of a data tile"));
    }
    let mut hashes = Vec::with_capacity(entries.len());
    tiles::leaf_hashes(&entries, &mut hashes);
    Ok(hashes)
}

fn first(bytes: &[u8]) -> Result<(TileLeaf<'_>, &[u8]), String> {
    TileLeaf::parse_first(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use tiles::LeafIndex;

    use super::*;
    use crate::ct_entry::Logged;
    use crate::time::UnixMillis;

    fn leaf(index: u64) -> TileLeaf<'static> {
        TileLeaf {
            timestamp: UnixMillis::new(1),
            index: LeafIndex::new(index),
            logged: Logged::Certificate { der: b"der" },
            issuers: vec![[7; 32]],
        }
    }

    #[test]
    fn a_data_tile_comes_apart_into_leaves() {
        let leaves = [leaf(0), leaf(1)];
        let bytes = leaves.each_ref().map(|leaf| leaf.encode().unwrap());
        let all = bytes.concat();
        let width = |width| TileWidth::new(width).unwrap();
        let hashes = (STATIC_CT.leaves)(&all, width(2)).unwrap();
        let wanted = leaves.map(|leaf| tiles::leaf_hash(&leaf.tree_leaf().unwrap()));
        assert_eq!(hashes, wanted);
        assert_eq!((STATIC_CT.prefix_len)(&all, 1), Ok(bytes[0].len()));
        for wrong in [1, 3] {
            assert!((STATIC_CT.leaves)(&all, width(wrong)).is_err());
        }
        assert!((STATIC_CT.prefix_len)(&all, 3).is_err());
    }
}
