//! Sorts in few bytes of code. The sorts of the standard library are fast, but take five kilobytes
//! for each sorted type, in an edge module of sixty. The inputs here are short, or sorted once for
//! each bundle.

/// Sorts in place by heapsort: no recursion, n log n comparisons in the worst case. It is not
/// stable: equal elements may change their order.
pub(crate) fn sort<T: Ord>(items: &mut [T]) {
    let len = items.len();
    for root in (0..len / 2).rev() {
        sink(items, root);
    }
    for end in (1..len).rev() {
        items.swap(0, end);
        sink(items.get_mut(..end).unwrap_or_default(), 0);
    }
}

/// Moves an element down the heap until no child is larger.
fn sink<T: Ord>(heap: &mut [T], mut at: usize) {
    loop {
        let mut child = 2 * at + 1;
        match (heap.get(child), heap.get(child + 1)) {
            (Some(left), Some(right)) if left < right => child += 1,
            (None, _) => return,
            _ => {}
        }
        if heap.get(at) >= heap.get(child) {
            return;
        }
        heap.swap(at, child);
        at = child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_the_standard_library_does(mut items: Vec<u8>) {
            let mut expected = items.clone();
            expected.sort_unstable();
            sort(&mut items);
            prop_assert_eq!(items, expected);
        }
    }
}
