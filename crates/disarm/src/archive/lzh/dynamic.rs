//! The tree of -lh1-: it changes with every code that is read, and begins with all of them alike. As LZHUF (Haruyasu Yoshizaki, 1988) has
//! it: nodes lie in the order of how often they were met, the two of a pair side by side.

use super::decode::Bits;

/// The tree, at most 627 nodes however long the member is.
pub(super) struct Dynamic {
    /// How often each node was met; one more behind them that was met more often than any.
    met: Vec<u32>,
    /// The node above each node, and above each code.
    above: Vec<usize>,
    /// The first of the two nodes below each, or the code that it stands for, counted from [`NODES`] on.
    below: Vec<usize>,
}

impl Dynamic {
    pub(super) fn new() -> Dynamic {
        let mut tree = Dynamic { met: vec![0; NODES + 1], above: vec![0; NODES + CODES], below: vec![0; NODES] };
        for code in 0..CODES {
            tree.leaf(code, code, 1);
        }
        tree.pair_up();
        tree
    }

    /// Reads a code, and makes its way shorter. `None` where the bits end.
    pub(super) fn decode(&mut self, bits: &mut Bits<'_>) -> Option<u16> {
        let mut node = *self.below.get(ROOT)?;
        while node < NODES {
            let side = usize::try_from(bits.take(1)?).ok()?;
            node = *self.below.get(node.checked_add(side)?)?;
        }
        let code = node.checked_sub(NODES)?;
        self.count(code)?;
        u16::try_from(code).ok()
    }

    fn leaf(&mut self, node: usize, code: usize, met: u32) {
        self.set(node, NODES.saturating_add(code));
        if let Some(own) = self.met.get_mut(node) {
            *own = met;
        }
    }

    /// Puts what is below a node, and tells it.
    fn set(&mut self, node: usize, below: usize) {
        if let Some(own) = self.below.get_mut(node) {
            *own = below;
        }
        let pair = if below < NODES { 2 } else { 1 };
        for above in self.above.iter_mut().skip(below).take(pair) {
            *above = node;
        }
    }

    /// The inner nodes over leaves that lie in order: each over the two least that have none yet.
    fn pair_up(&mut self) {
        for (pair, node) in (0..).step_by(2).zip(CODES..NODES) {
            let of = |node: usize| self.met.get(node).copied().unwrap_or_default();
            let met = of(pair).saturating_add(of(pair.saturating_add(1)));
            let others = self.met.get(..node).unwrap_or_default();
            let place = others.iter().rposition(|other| *other <= met).map_or(0, |last| last.saturating_add(1));
            if let (Some(met_of), Some(below)) = (self.met.get_mut(place..=node), self.below.get_mut(place..=node)) {
                met_of.rotate_right(1);
                below.rotate_right(1);
            }
            if let (Some(own), Some(below)) = (self.met.get_mut(place), self.below.get_mut(place)) {
                (*own, *below) = (met, pair);
            }
        }
        for node in 0..NODES {
            let below = self.below.get(node).copied().unwrap_or_default();
            self.set(node, below);
        }
        if let (Some(root), Some(end)) = (self.above.get_mut(ROOT), self.met.get_mut(NODES)) {
            (*root, *end) = (0, u32::MAX);
        }
    }

    fn count(&mut self, code: usize) -> Option<()> {
        if *self.met.get(ROOT)? == MOST_MET {
            self.halve();
        }
        let mut node = *self.above.get(NODES.checked_add(code)?)?;
        loop {
            let met = self.met.get_mut(node)?;
            *met = met.checked_add(1)?;
            let met = *met;
            // Behind all that were met as often as this one before.
            let behind = self.met.get(node.checked_add(1)?..)?.iter().take_while(|other| **other < met).count();
            if behind > 0 {
                let place = node.checked_add(behind)?;
                *self.met.get_mut(node)? = *self.met.get(place)?;
                *self.met.get_mut(place)? = met;
                let (mine, other) = (*self.below.get(node)?, *self.below.get(place)?);
                self.set(place, mine);
                self.set(node, other);
                node = place;
            }
            node = *self.above.get(node)?;
            if node == 0 {
                return Some(());
            }
        }
    }

    /// Half of all, rounded up, and the tree anew: what was met long ago counts for less.
    fn halve(&mut self) {
        let leaves = self.below.iter().zip(&self.met).filter(|(below, _)| **below >= NODES);
        let leaves: Vec<(usize, u32)> = leaves.map(|(below, met)| (*below, met.div_ceil(2))).collect();
        for (node, (below, met)) in leaves.into_iter().enumerate() {
            self.leaf(node, below.saturating_sub(NODES), met);
        }
        self.pair_up();
    }
}

/// Literals, and matches of 3 to 60 bytes.
const CODES: usize = 314;
const NODES: usize = CODES * 2 - 1;
const ROOT: usize = NODES - 1;
const MOST_MET: u32 = 0x8000;
