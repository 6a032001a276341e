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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppKind;
    use crate::flow::{Flow, app};
    use crate::house::{NOW, console};
    use crate::moment::steady;
    use crate::{AppAmendment, Origin};

    #[test]
    fn a_page_may_ask_as_long_as_its_app_is_registered_there() {
        let flow = Flow::new();
        let idp = &flow.house.idp;
        let ctx = Context::anonymous(steady(NOW), Origin::default());
        let may = |origin: &str| idp.page_may_read(&ctx, origin, AnswerFor::AnyApp).unwrap();
        assert!(!may("https://spa.example"));
        app(&flow.house, "spa", AppKind::Public, "https://spa.example/cb");
        assert!(may("https://spa.example"));
        assert!(!may("https://photos.example.org"), "an app with a secret is on a server");
        let moved = AppAmendment {
            redirect_uris: Some(vec!["https://new.example/cb".parse().unwrap()]),
            ..AppAmendment::default()
        };
        idp.set_app(&console(), &"spa".parse().unwrap(), &moved).unwrap();
        assert!(!may("https://spa.example") && may("https://new.example"));
        for nobody in ["", "null", "https://new.example/", "https://new.example.evil.example"] {
            assert!(!may(nobody), "{nobody}");
        }
        assert!(!idp.page_may_read(&ctx, "https://new.example", AnswerFor::App("not a name")).unwrap());
        assert!(!idp.page_may_read(&ctx, "https://new.example", AnswerFor::Token("x")).unwrap());
    }
}
