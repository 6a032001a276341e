//! Which pages in browsers may read an answer (Fetch, CORS): those of the app that it is for. Nothing here depends on a cookie,
//! but a page of somebody else has no business with the answers either.

use std::sync::Arc;

use domain::permission::Need;
use store::Reader;

use crate::known::KnownApp;
use crate::{Context, Idp, OpError, Refusal};

/// For whom an answer is.
#[derive(Clone, Copy, Debug)]
pub enum AnswerFor<'a> {
    /// Nobody in particular: the question whether to ask, or a refusal that says nothing.
    AnyApp,
    /// The app of that name.
    App(&'a str),
    /// The app that the access token was issued to.
    Token(&'a str),
}

impl Idp {
    /// Whether a page of that origin may read the answer: the origin is that of a redirect URI of the app, and the app a public
    /// one, as apps in browsers are.
    pub fn page_may_read(&self, ctx: &Context, origin: &str, answer: AnswerFor<'_>) -> Result<bool, OpError<Refusal>> {
        self.read_at_any_time(ctx, Need::Nothing, |op| {
            let app = match answer {
                AnswerFor::AnyApp => return Ok(self.known.has_page_origin(op, origin)?),
                AnswerFor::App(name) => match name.parse() {
                    Ok(name) => self.known.app_by_name(op, &name)?,
                    Err(_) => None,
                },
                AnswerFor::Token(text) => self.app_of_token(op, ctx, text)?,
            };
            Ok(app.is_some_and(|app| app.client.has_origin(origin)))
        })
    }

    fn app_of_token(
        &self,
        reader: &Reader<'_>,
        ctx: &Context,
        text: &str,
    ) -> Result<Option<Arc<KnownApp>>, OpError<Refusal>> {
        let Some(token) = self.access_token(ctx, text)? else { return Ok(None) };
        let Some(family) = reader.token_family(token.account, token.family)? else { return Ok(None) };
        Ok(self.known.app(reader, family.granted.client)?)
    }
}
