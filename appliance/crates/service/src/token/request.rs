//! The token request as it comes in (RFC 6749 sections 2.3.1, 4.1.3 and 6), and questions about a token (RFC 7662 section 2.1,
//! RFC 7009 section 2.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::secret::Secret;

use super::TokenRefusal;

/// Most bytes of one parameter; codes and tokens of ours are shorter.
const MAX_VALUE: usize = 1024;

/// Most bytes of a token that is asked about: a JWT is long.
const MAX_TOKEN: usize = 8 * 1024;

/// The parameters, not yet believed.
#[derive(Debug)]
pub struct TokenRequest {
    pub(super) grant_type: String,
    pub(super) client: ClientCredentials,
    pub(super) code: Option<Secret<String>>,
    pub(super) redirect_uri: Option<String>,
    pub(super) code_verifier: Option<Secret<String>>,
    pub(super) refresh_token: Option<Secret<String>>,
    pub(super) scope: Option<String>,
}

/// A question about a token, or the wish to end it; not yet believed.
#[derive(Debug)]
pub struct TokenQuery {
    pub(super) client: ClientCredentials,
    pub(super) token: Secret<String>,
}

impl TokenQuery {
    /// From the decoded pairs of the form and the `Authorization` header, as strict as [`TokenRequest::parse`].
    /// `token_type_hint` is ignored, as RFC 7009 section 2.1 allows: a token of ours says itself of which kind it is.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        authorization: Option<&str>,
    ) -> Result<Self, TokenRefusal> {
        let mut form = Form::read(pairs)?;
        let client = client(&mut form, authorization)?;
        let token = form.token.map(Secret::new).ok_or(TokenRefusal::InvalidRequest("token is missing"))?;
        Ok(Self { client, token })
    }

    /// Who it says to come from.
    pub fn client_id(&self) -> &str {
        &self.client.client_id
    }
}

/// How the client says who it is.
#[derive(Debug)]
pub(super) struct ClientCredentials {
    pub(super) client_id: String,
    pub(super) secret: Option<Secret<String>>,
    /// Whether it used HTTP Basic, which decides how it is refused (RFC 6749 section 5.2).
    pub(super) basic: bool,
}

impl TokenRequest {
    /// From the decoded pairs of the form and the `Authorization` header. Unknown parameters are ignored, empty ones as well;
    /// a repeated one is an error (RFC 6749 section 3.2).
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        authorization: Option<&str>,
    ) -> Result<Self, TokenRefusal> {
        let mut form = Form::read(pairs)?;
        let client = client(&mut form, authorization)?;
        Ok(Self {
            grant_type: form.grant_type.ok_or(TokenRefusal::InvalidRequest("grant_type is missing"))?,
            client,
            code: form.code.map(Secret::new),
            redirect_uri: form.redirect_uri,
            code_verifier: form.code_verifier.map(Secret::new),
            refresh_token: form.refresh_token.map(Secret::new),
            scope: form.scope,
        })
    }

    /// Who it says to come from.
    pub fn client_id(&self) -> &str {
        &self.client.client_id
    }
}

#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    token: Option<String>,
    token_type_hint: Option<String>,
}

impl Form {
    fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, TokenRefusal> {
        let mut form = Self::default();
        for (name, value) in pairs {
            form.take(name, value)?;
        }
        Ok(form)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), TokenRefusal> {
        let place = match name {
            "grant_type" => &mut self.grant_type,
            "client_id" => &mut self.client_id,
            "client_secret" => &mut self.client_secret,
            "client_assertion" => &mut self.client_assertion,
            "code" => &mut self.code,
            "redirect_uri" => &mut self.redirect_uri,
            "code_verifier" => &mut self.code_verifier,
            "refresh_token" => &mut self.refresh_token,
            "scope" => &mut self.scope,
            "token" => &mut self.token,
            "token_type_hint" => &mut self.token_type_hint,
            _ => return Ok(()),
        };
        if place.is_some() {
            return Err(TokenRefusal::InvalidRequest("a parameter was given more than once"));
        }
        let most = if name == "token" { MAX_TOKEN } else { MAX_VALUE };
        if value.len() > most {
            return Err(TokenRefusal::InvalidRequest("a parameter is too long"));
        }
        if !value.is_empty() {
            *place = Some(value.to_owned());
        }
        Ok(())
    }
}

fn client(form: &mut Form, authorization: Option<&str>) -> Result<ClientCredentials, TokenRefusal> {
    if form.client_assertion.is_some() {
        return Err(TokenRefusal::InvalidClient { basic: false });
    }
    let Some(authorization) = authorization else {
        let client_id = form.client_id.take().ok_or(TokenRefusal::InvalidClient { basic: false })?;
        return Ok(ClientCredentials { client_id, secret: form.client_secret.take().map(Secret::new), basic: false });
    };
    if form.client_secret.is_some() {
        return Err(TokenRefusal::InvalidRequest("the client proved itself in two ways; use one"));
    }
    let (client_id, secret) = basic(authorization).ok_or(TokenRefusal::InvalidClient { basic: true })?;
    if form.client_id.as_ref().is_some_and(|other| *other != client_id) {
        return Err(TokenRefusal::InvalidRequest("client_id is not the one of the Authorization header"));
    }
    Ok(ClientCredentials { client_id, secret: Some(secret), basic: true })
}

/// RFC 7617, with both parts form-encoded before (RFC 6749 section 2.3.1).
fn basic(header: &str) -> Option<(String, Secret<String>)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > MAX_VALUE {
        return None;
    }
    let decoded = Secret::new(String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?);
    let (client_id, secret) = decoded.expose().split_once(':')?;
    Some((form_decode(client_id)?, Secret::new(form_decode(secret)?)))
}

fn form_decode(raw: &str) -> Option<String> {
    // A pair with a name alone is one decoded text; `&` and `=` cannot stand in it unencoded.
    if raw.contains(['&', '=']) {
        return None;
    }
    url::form_urlencoded::parse(raw.as_bytes()).next().map_or(Some(String::new()), |(text, _)| Some(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pairs: &[(&'static str, &'static str)], header: Option<&str>) -> TokenRefusal {
        TokenRequest::parse(pairs.iter().copied(), header).unwrap_err()
    }

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn basic_credentials_are_form_decoded() {
        let request = TokenRequest::parse([("grant_type", "x")], Some(&header("my%2Dapp:a%3Ab+c"))).unwrap();
        assert_eq!(request.client.client_id, "my-app");
        assert_eq!(request.client.secret.unwrap().expose(), "a:b c");
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        let twice = [("grant_type", "x"), ("client_id", "a"), ("code", "1"), ("code", "1")];
        assert!(matches!(refused(&twice, None), TokenRefusal::InvalidRequest(_)));
    }

    #[test]
    fn a_client_proves_itself_in_one_way() {
        let both = [("grant_type", "x"), ("client_secret", "s")];
        assert!(matches!(refused(&both, Some(&header("a:s"))), TokenRefusal::InvalidRequest(_)));
        let other = [("grant_type", "x"), ("client_id", "b")];
        assert!(matches!(refused(&other, Some(&header("a:s"))), TokenRefusal::InvalidRequest(_)));
    }

    #[test]
    fn headers_that_are_no_credentials_are_refused() {
        for raw in ["", "Basic", "Basic !!!", "Bearer x", "Basic YQ==", &header("a=b:c"), &header("\u{fffd}")[..9]] {
            let refusal = refused(&[("grant_type", "x")], Some(raw));
            assert!(matches!(refusal, TokenRefusal::InvalidClient { basic: true }), "{raw} {refusal:?}");
        }
    }

    #[test]
    fn too_long_a_value_is_refused() {
        let long = "x".repeat(MAX_VALUE + 1);
        let pairs = [("grant_type", "x"), ("client_id", "a"), ("code", long.as_str())];
        assert!(matches!(TokenRequest::parse(pairs, None), Err(TokenRefusal::InvalidRequest(_))));
        for (most, fits) in [(MAX_TOKEN, true), (MAX_TOKEN + 1, false)] {
            let long = "x".repeat(most);
            assert_eq!(TokenQuery::parse([("client_id", "a"), ("token", long.as_str())], None).is_ok(), fits);
        }
    }

    #[test]
    fn a_question_names_one_token_and_its_hint_is_not_looked_at() {
        let ask = |pairs: &[(&'static str, &'static str)]| TokenQuery::parse(pairs.iter().copied(), None);
        assert!(ask(&[("client_id", "a"), ("token", "t"), ("token_type_hint", "saml")]).is_ok());
        for bad in [
            vec![("client_id", "a")],
            vec![("client_id", "a"), ("token", "")],
            vec![("client_id", "a"), ("token", "t"), ("token", "u")],
            vec![("client_id", "a"), ("token", "t"), ("token_type_hint", "a"), ("token_type_hint", "b")],
        ] {
            assert!(matches!(ask(&bad).unwrap_err(), TokenRefusal::InvalidRequest(_)), "{bad:?}");
        }
        assert!(matches!(ask(&[("token", "t")]).unwrap_err(), TokenRefusal::InvalidClient { .. }));
    }
}
