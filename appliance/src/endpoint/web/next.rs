//! Where to go after a sign-in: an address on this site and nowhere else (RFC 9700 §4.11, open redirectors).

use service::{AuthorizationRequest, path};

use crate::http::Form;

/// Longer than any authorization request that `/authorize` takes.
const LONGEST: usize = 8 * 1024;

/// A path on this site with its query, ready for a `Location` header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Next(String);

impl Next {
    /// Reads what came back from a browser. Whatever could lead elsewhere leads to the start page.
    pub(crate) fn read(raw: &str) -> Self {
        let here = raw.len() <= LONGEST && raw.starts_with('/') && !raw.starts_with("//");
        // Browsers read a backslash as a slash, and drop tabs and line ends before they look.
        let plain = raw.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'\\');
        if here && plain { Self(raw.to_owned()) } else { Self::default() }
    }

    /// The address to go to; the start page when there was none.
    pub(crate) fn path(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
    }

    /// As a hidden field keeps it; empty when there was none.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The authorization request that this address carries, if it is one.
    pub(crate) fn authorization_request(&self) -> Option<AuthorizationRequest> {
        let query = self.0.strip_prefix(path::AUTHORIZATION)?.strip_prefix('?')?;
        let fields = Form::parse(query).ok()?;
        Some(AuthorizationRequest::from_pairs(fields.iter()))
    }

    /// The code of the device that this address leads to, if it does.
    pub(crate) fn user_code(&self) -> Option<String> {
        let query = self.0.strip_prefix("/device?")?;
        Form::parse(query).ok()?.one("code").ok()?.map(str::to_owned)
    }

    /// The address of a page on the way, which keeps this one in its query.
    pub(crate) fn after(&self, page: &str) -> String {
        if self.0.is_empty() {
            return page.to_owned();
        }
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &self.0).finish();
        let joint = if page.contains('?') { '&' } else { '?' };
        format!("{page}{joint}{query}")
    }
}

/// What `form-action` calls the place that a redirect URI leads to: an origin, or the scheme of an app on the device.
pub(crate) fn form_target(redirect_uri: &str) -> Option<String> {
    let url = url::Url::parse(redirect_uri).ok()?;
    match url.origin() {
        origin @ url::Origin::Tuple(..) => Some(origin.ascii_serialization()),
        url::Origin::Opaque(_) => Some(format!("{}:", url.scheme())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_of_this_site_is_kept_with_its_query() {
        let next = Next::read("/authorize?client_id=a&scope=openid%20email");
        assert_eq!(next.path(), "/authorize?client_id=a&scope=openid%20email");
        assert_eq!(next.after("/signin"), "/signin?next=%2Fauthorize%3Fclient_id%3Da%26scope%3Dopenid%2520email");
    }

    #[test]
    fn an_app_is_named_by_the_origin_of_its_address() {
        assert_eq!(form_target("https://photos.home:8443/cb?x=1"), Some("https://photos.home:8443".to_owned()));
        assert_eq!(form_target("com.example.app:/cb"), Some("com.example.app:".to_owned()));
        assert_eq!(form_target("nonsense"), None);
    }

    #[test]
    fn whatever_could_lead_elsewhere_leads_to_the_start_page() {
        for bad in [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " /a",
            "javascript:alert(1)",
            "a",
            "",
            "/é",
        ] {
            assert_eq!(Next::read(bad).path(), "/", "{bad:?}");
        }
        assert_eq!(Next::read(&format!("/{}", "a".repeat(LONGEST))).path(), "/");
    }

    proptest! {
        #[test]
        fn no_text_leads_to_another_origin(raw in "[/\\\\:a-z.@?#\\t\\n ]{0,20}") {
            let base = url::Url::parse("https://id.home.example/signin").unwrap();
            let target = base.join(Next::read(&raw).path()).unwrap();
            prop_assert_eq!(target.origin(), base.origin());
        }
    }
}
