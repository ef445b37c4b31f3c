//! The order of features: every one after those that it reads, otherwise by file and by place in the file.

use std::collections::BTreeSet;

/// Indices in a stable topological order, and the cycles that keep the others out of it.
pub(super) fn order(reads: &[BTreeSet<usize>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); reads.len()];
    let mut waits: Vec<usize> = reads.iter().map(BTreeSet::len).collect();
    for (index, set) in reads.iter().enumerate() {
        for read in set {
            readers[*read].push(index);
        }
    }
    let mut ready: BTreeSet<usize> = (0..reads.len()).filter(|i| waits[*i] == 0).collect();
    let mut ordered = Vec::with_capacity(reads.len());
    while let Some(index) = ready.pop_first() {
        ordered.push(index);
        for reader in &readers[index] {
            waits[*reader] -= 1;
            if waits[*reader] == 0 {
                ready.insert(*reader);
            }
        }
    }
    let done: BTreeSet<usize> = ordered.iter().copied().collect();
    (ordered, cycles(reads, &done))
}

/// One cycle for each knot: every step goes to the first feature that is still waiting, until one comes again.
fn cycles(reads: &[BTreeSet<usize>], done: &BTreeSet<usize>) -> Vec<Vec<usize>> {
    let mut seen: BTreeSet<usize> = done.clone();
    let mut cycles = Vec::new();
    for start in 0..reads.len() {
        let mut path: Vec<usize> = Vec::new();
        let mut at = start;
        while !seen.contains(&at) {
            seen.insert(at);
            path.push(at);
            match reads[at].iter().find(|next| !done.contains(next)) {
                Some(next) => at = *next,
                None => break,
            }
            if let Some(begin) = path.iter().position(|p| *p == at) {
                cycles.push(path.split_off(begin));
                break;
            }
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(reads: &[&[usize]]) -> Vec<BTreeSet<usize>> {
        reads.iter().map(|r| r.iter().copied().collect()).collect()
    }

    #[test]
    fn is_stable_and_puts_the_read_first() {
        assert_eq!(order(&sets(&[&[2], &[], &[], &[0, 1]])).0, vec![1, 2, 0, 3]);
    }

    #[test]
    fn names_each_cycle_once() {
        let (ordered, cycles) = order(&sets(&[&[1], &[0], &[], &[3], &[0]]));
        assert_eq!(ordered, vec![2]);
        assert_eq!(cycles, vec![vec![0, 1], vec![3]]);
    }
}
