//! Long lists, a page at a time.

use domain::name::MAX_NAME;

use crate::Refusal;

/// Most items of one page.
pub const MAX_PAGE: u32 = 200;
/// Items of a page when nothing is said.
pub const PAGE: u32 = 50;

/// Which part of a list of named things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// Only names that begin with this; may be empty.
    pub prefix: String,
    /// Only names after this one: the `next` of the page before.
    pub after: Option<String>,
    /// How many; 50 when absent, 200 at the most.
    pub limit: Option<u32>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, K = String> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    pub next: Option<K>,
}

impl PageQuery {
    /// The prefix as names are written.
    pub(crate) fn prefix(&self) -> Result<String, Refusal> {
        bounded("search", &self.prefix)
    }

    pub(crate) fn after(&self) -> Result<String, Refusal> {
        bounded("after", self.after.as_deref().unwrap_or_default())
    }

    /// One more than asked for, to know whether there is a next page.
    pub(crate) fn fetch(&self) -> u32 {
        limit(self.limit).saturating_add(1)
    }

    pub(crate) fn page<T>(&self, items: Vec<T>, name: impl Fn(&T) -> String) -> Page<T> {
        Page::cut(items, self.limit, name)
    }
}

impl<T, K> Page<T, K> {
    /// Cuts off the item too many and says where to go on.
    pub(crate) fn cut(mut items: Vec<T>, wanted: Option<u32>, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit(wanted)).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

/// The number of items to give for the number asked for.
pub(crate) fn limit(wanted: Option<u32>) -> u32 {
    wanted.unwrap_or(PAGE).clamp(1, MAX_PAGE)
}

fn bounded(what: &str, raw: &str) -> Result<String, Refusal> {
    if raw.len() > MAX_NAME {
        let why = format!("use at most {MAX_NAME} characters");
        return Err(Refusal::Invalid { what: what.to_owned(), why });
    }
    Ok(raw.to_ascii_lowercase())
}
