//! Child lists. They live beside the nodes, so that the many nodes without children pay four bytes.

use crate::tree::node::NodeId;
use crate::tree::slab::Slab;

/// All child lists. Number 0 is the empty list that childless nodes share.
#[derive(Debug)]
pub(crate) struct ChildLists {
    lists: Slab<Vec<NodeId>>,
}

/// Lists up to this long keep their spare room.
const SHRINK_ABOVE: usize = 16;

impl ChildLists {
    pub(crate) fn new() -> Self {
        let mut lists = Slab::new();
        let shared = lists.insert(Vec::new());
        assert_eq!(shared, 0, "the first list is the shared empty one");
        ChildLists { lists }
    }

    /// The children in list `list`, in no particular order.
    pub(crate) fn get(&self, list: u32) -> &[NodeId] {
        &self.lists[list]
    }

    /// Adds a child, in a new list if `list` is 0. Returns the list and the child's position in it.
    pub(crate) fn add(&mut self, list: u32, child: NodeId) -> (u32, u32) {
        let list = match list {
            0 => self.lists.insert(Vec::new()),
            list => list,
        };
        let children = &mut self.lists[list];
        let position = u32::try_from(children.len()).expect("there are fewer children than nodes");
        if children.len() == children.capacity() {
            // A quarter more instead of Vec's double: most lists stop growing somewhere.
            children.reserve_exact(children.len() / 4 + 4);
        }
        children.push(child);
        (list, position)
    }

    /// Removes the child at `position`. Returns the list, 0 once it is empty, and the child that took
    /// the position, if one did.
    pub(crate) fn remove(&mut self, list: u32, position: u32) -> (u32, Option<NodeId>) {
        let children = &mut self.lists[list];
        children.swap_remove(position as usize);
        if children.is_empty() {
            self.lists.remove(list);
            return (0, None);
        }
        let moved = children.get(position as usize).copied();
        if children.capacity() > SHRINK_ABOVE && children.len() < children.capacity() / 4 {
            children.shrink_to(children.len() * 2);
        }
        (list, moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_child_fills_the_gap() {
        let mut lists = ChildLists::new();
        let (list, _) = lists.add(0, NodeId(10));
        assert_eq!(lists.add(list, NodeId(11)), (list, 1));
        assert_eq!(lists.add(list, NodeId(12)), (list, 2));
        assert_eq!(lists.remove(list, 0), (list, Some(NodeId(12))));
        assert_eq!(lists.get(list), [NodeId(12), NodeId(11)]);
        assert_eq!(lists.remove(list, 1), (list, None));
        assert_eq!(lists.remove(list, 0), (0, None));
        assert!(lists.get(0).is_empty());
    }

    #[test]
    fn a_list_that_emptied_gives_its_room_back() {
        let mut lists = ChildLists::new();
        let mut list = 0;
        for child in 0..1000 {
            list = lists.add(list, NodeId(child)).0;
        }
        for _ in 0..990 {
            lists.remove(list, 0);
        }
        assert!(lists.lists[list].capacity() < 64);
    }
}
