//! Which tokens followed which contexts, how often, the latest first.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The end of a list.
const NONE: u32 = u32::MAX;

/// The key of the empty context, which differs by field and by list of contexts.
pub(super) fn start(field: usize, list: usize) -> u64 {
    extend(((field as u64 + 1) << 40) | ((list as u64 + 1) << 20), 0)
}

/// A context's key goes on by a token. What it returns is well mixed, so that tables need not mix it again.
pub(super) fn extend(key: u64, token: u16) -> u64 {
    // The finaliser of SplitMix64.
    let mut key = (key ^ (u64::from(token) + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

/// Takes keys, which are mixed already, as they are.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are whole numbers")
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// What followed a context, in sum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// How many tokens.
    pub total: u32,
    /// How many types occurred once, twice, more often.
    pub types: [u32; 3],
    /// The latest of them.
    head: u32,
}

impl Node {
    const EMPTY: Node = Node {
        total: 0,
        types: [0; 3],
        head: NONE,
    };

    /// How many types.
    pub fn distinct(&self) -> u32 {
        self.types.iter().sum()
    }
}

/// A token that followed a context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    next: u32,
    /// How often it did, here and in the table below.
    pub count: u32,
    /// How often in the table below.
    pub below: u32,
    /// Which.
    pub token: u16,
}

/// Successors of contexts. A table may lie over another, which it leaves as it is: its nodes tell the sums of both, its links the counts
/// that it changed.
#[derive(Debug, Clone)]
pub(super) struct Table {
    index: HashMap<u64, u32, BuildHasherDefault<AsItIs>>,
    nodes: Vec<Node>,
    links: Vec<Link>,
    most: usize,
}

impl Table {
    /// An empty one that takes no new context or successor once it has so many.
    pub fn new(most: usize) -> Self {
        Table {
            index: HashMap::default(),
            nodes: Vec::new(),
            links: Vec::new(),
            most: most.min(NONE as usize - 1),
        }
    }

    /// What followed a context.
    pub fn find(&self, key: u64) -> Option<&Node> {
        self.index.get(&key).map(|at| &self.nodes[*at as usize])
    }

    /// Its successors, the latest first.
    pub fn links<'a>(&'a self, node: &Node) -> impl Iterator<Item = &'a Link> + use<'a> {
        let mut at = node.head;
        std::iter::from_fn(move || {
            let link = self.links.get(at as usize)?;
            at = link.next;
            Some(link)
        })
    }

    /// How often a token followed a context.
    pub fn count(&self, key: u64, token: u16) -> u32 {
        self.find(key)
            .and_then(|node| self.links(node).find(|link| link.token == token))
            .map_or(0, |link| link.count)
    }

    /// Counts a token after a context, over the counts of `below`; tells how often it was there before.
    pub fn add(&mut self, below: Option<&Table>, key: u64, token: u16) -> u32 {
        let at = match self.index.get(&key) {
            Some(at) => *at as usize,
            None if self.nodes.len() >= self.most => return below.map_or(0, |below| below.count(key, token)),
            None => {
                let base = below.and_then(|below| below.find(key));
                self.nodes.push(Node {
                    head: NONE,
                    ..*base.unwrap_or(&Node::EMPTY)
                });
                self.index.insert(key, (self.nodes.len() - 1) as u32);
                self.nodes.len() - 1
            }
        };
        // The link is sought, and moved to the front.
        let (mut before, mut link) = (NONE, self.nodes[at].head);
        while link != NONE && self.links[link as usize].token != token {
            (before, link) = (link, self.links[link as usize].next);
        }
        if link == NONE {
            let count = below.map_or(0, |below| below.count(key, token));
            if self.links.len() >= self.most {
                return count;
            }
            link = self.links.len() as u32;
            self.links.push(Link {
                next: self.nodes[at].head,
                count,
                below: count,
                token,
            });
            self.nodes[at].head = link;
        } else if before != NONE {
            self.links[before as usize].next = self.links[link as usize].next;
            self.links[link as usize].next = self.nodes[at].head;
            self.nodes[at].head = link;
        }
        let count = &mut self.links[link as usize].count;
        let was = *count;
        let node = &mut self.nodes[at];
        if node.total == u32::MAX {
            return was;
        }
        *count += 1;
        node.total += 1;
        match was {
            0 => node.types[0] += 1,
            1 => (node.types[0], node.types[1]) = (node.types[0] - 1, node.types[1] + 1),
            2 => (node.types[1], node.types[2]) = (node.types[1] - 1, node.types[2] + 1),
            _ => (),
        }
        was
    }
}
