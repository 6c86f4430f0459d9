package handler

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Forms of pages are guarded twice: by the authentication that is configured, and against pages of other sites. Basic
// authentication and client certificates are the server's and cover every request. A webhook token can't be sent by a form, so
// whoever knows it signs in with it and gets a cookie.
//
// Against other sites there is a cookie with random bytes, which a form has to repeat (masked anew in each page, so
// that compression tells nothing of them), and the check of Sec-Fetch-Site and Origin that all POST requests undergo.

const (
	sessionCookie = "alertscribe_session"
	formCookie    = "alertscribe_form"
	formField     = "form_token"
	sessionLasts  = 12 * time.Hour
	formBytes     = 16
	maxForm       = 64 << 10 // bytes of a form
)

var (
	errForm = &problem{
		status: http.StatusForbidden, outcome: outcomeUnauthorized,
		reason: "the form is not from a page of this server, or cookies are off; reload the page and try again",
	}
	errSignIn = &problem{
		status: http.StatusUnauthorized, outcome: outcomeUnauthorized,
		reason: "missing or wrong token; sign in with the value of ALERTSCRIBE_WEBHOOK_TOKEN",
	}
)

func (h *handler) setCookie(w http.ResponseWriter, r *http.Request, name, value string, lasts time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: h.link("/"), MaxAge: int(lasts / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// formToken returns what a form of this page has to hold, and sets the cookie that it is compared with.
func (h *handler) formToken(w http.ResponseWriter, r *http.Request) string {
	secret := readFormCookie(r)
	if secret == nil {
		secret = make([]byte, formBytes)
		_, _ = rand.Read(secret) // never fails
		h.setCookie(w, r, formCookie, base64.RawURLEncoding.EncodeToString(secret), 30*24*time.Hour)
	}
	masked := make([]byte, 2*formBytes)
	_, _ = rand.Read(masked[:formBytes])
	subtle.XORBytes(masked[formBytes:], masked[:formBytes], secret)
	return base64.RawURLEncoding.EncodeToString(masked)
}

// readFormCookie returns the bytes of the cookie; nil for none.
func readFormCookie(r *http.Request) []byte {
	c, err := r.Cookie(formCookie)
	if err != nil {
		return nil
	}
	secret, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || len(secret) != formBytes {
		return nil
	}
	return secret
}

// readForm reads the form of a request that a page of ours has sent.
func (h *handler) readForm(w http.ResponseWriter, r *http.Request) error {
	if h.crossOrigin.Check(r) != nil {
		return errForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badRequest("form", "not readable, or longer than %d bytes", maxForm)
	}
	secret := readFormCookie(r)
	masked, err := base64.RawURLEncoding.DecodeString(r.PostForm.Get(formField))
	if err != nil || secret == nil || len(masked) != 2*formBytes {
		return errForm
	}
	subtle.XORBytes(masked[formBytes:], masked[:formBytes], masked[formBytes:])
	if subtle.ConstantTimeCompare(masked[formBytes:], secret) != 1 {
		return errForm
	}
	return nil
}

// signedIn reports whether forms of this browser are acted upon: always where no token is set.
func (h *handler) signedIn(r *http.Request) bool {
	if h.Token == "" {
		return true
	}
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	until, _, _ := strings.Cut(c.Value, ".")
	ends, err := strconv.ParseInt(until, 10, 64)
	return err == nil && h.Now().Unix() < ends && hmac.Equal([]byte(c.Value), []byte(h.session(until)))
}

// session returns the value of the cookie that is good until a Unix time. Another token makes all of them worthless.
func (h *handler) session(until string) string {
	mac := hmac.New(sha256.New, h.tokenSum[:])
	mac.Write([]byte("session until " + until))
	return until + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signIn sets the cookie of a browser whose form holds the token.
func (h *handler) signIn(w http.ResponseWriter, r *http.Request) error {
	sum := sha256.Sum256([]byte(strings.TrimSpace(r.PostForm.Get("token"))))
	if h.Token == "" || subtle.ConstantTimeCompare(sum[:], h.tokenSum[:]) != 1 {
		return errSignIn
	}
	h.setCookie(w, r, sessionCookie, h.session(strconv.FormatInt(h.Now().Add(sessionLasts).Unix(), 10)), sessionLasts)
	return nil
}
