//! Which events have been handled, so that repeats can be dropped.

use std::collections::{HashSet, VecDeque};

/// The newest ids of handled events; the oldest are forgotten.
pub struct HandledIds {
    most: usize,
    ids: HashSet<String>,
    oldest_first: VecDeque<String>,
}

impl HandledIds {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            ids: HashSet::new(),
            oldest_first: VecDeque::new(),
        }
    }

    pub fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub fn add(&mut self, id: &str) {
        if !self.ids.insert(id.to_owned()) {
            return;
        }
        self.oldest_first.push_back(id.to_owned());
        if self.oldest_first.len() > self.most
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}
