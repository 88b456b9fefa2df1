//! Disjoint sets: who ends up in one group when pairs are joined.

/// Disjoint sets over `0..len`, with union by size and path halving.
#[derive(Debug, Clone)]
pub struct UnionFind {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl UnionFind {
    /// `len` sets of one member each.
    pub fn new(len: usize) -> Self {
        Self {
            parent: (0..len).collect(),
            size: vec![1; len],
        }
    }

    /// The representative of the set of `member`.
    ///
    /// # Panics
    /// If `member` is out of range.
    pub fn find(&mut self, mut member: usize) -> usize {
        while self.parent[member] != member {
            self.parent[member] = self.parent[self.parent[member]];
            member = self.parent[member];
        }
        member
    }

    /// Joins the sets of `a` and `b`.
    ///
    /// # Panics
    /// If either is out of range.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return;
        }
        let (small, large) = if self.size[a] < self.size[b] {
            (a, b)
        } else {
            (b, a)
        };
        self.parent[small] = large;
        self.size[large] += self.size[small];
    }

    /// A group number for every member, counted from 0 in order of first appearance.
    pub fn groups(mut self) -> Vec<usize> {
        let mut number = vec![usize::MAX; self.parent.len()];
        let mut next = 0;
        (0..self.parent.len())
            .map(|member| {
                let root = self.find(member);
                if number[root] == usize::MAX {
                    number[root] = next;
                    next += 1;
                }
                number[root]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_are_transitive() {
        let mut sets = UnionFind::new(6);
        sets.join(0, 3);
        sets.join(3, 5);
        sets.join(1, 2);
        assert_eq!(sets.groups(), [0, 1, 1, 0, 2, 0]);
    }
}
