from odoo.exceptions import AccessDenied, UserError
from odoo.http import Controller, request, route

from odoo.addons.web.controllers.home import Home


class SignIn(Home):
    @route()
    def web_client(self, s_action=None, **kw):
        # this page looks after its user by itself, so that the check of all other pages does not see it
        if request.session.uid and request.env(user=request.session.uid).user._dpp_change_reason():
            return request.redirect("/dpp/password", 303)
        return super().web_client(s_action, **kw)

    def _login_redirect(self, uid, redirect=None):
        if request.session.uid and request.env(user=uid).user._dpp_change_reason():
            return "/dpp/password"
        return super()._login_redirect(uid, redirect=redirect)


class Password(Controller):
    @route("/dpp/password", type="http", auth="user", methods=["GET", "POST"], sitemap=False)
    def change(self, old=None, new=None, again=None, **_kw):
        """Let whoever is signed in choose a new password."""
        user, error = request.env.user, None
        if request.httprequest.method == "POST":
            error = self._change(old, new, again)
            if not error:
                # the session's token follows the password
                request.session.session_token = user._compute_session_token(request.session.sid)
                return request.redirect("/odoo")
        values = {
            "reason": user._dpp_change_reason(),
            "error": error,
            "rules": [user._dpp_fault_text(code) for code in ("length", "upper", "lower", "digit", "special", "name")],
            "history": user._dpp_figure("password_history"),
        }
        response = request.render("dpp_compliance.password", values)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Frame-Options"] = "DENY"
        return response

    def _change(self, old, new, again):
        if not old or not new:
            return request.env._("Fill in all three fields.")
        if new != again:
            return request.env._("The new password and its repetition differ.")
        try:
            with request.env.cr.savepoint():
                request.env["res.users"].change_password(old, new)
        except AccessDenied as error:
            generic = error.args == AccessDenied().args
            return request.env._("The present password is not right.") if generic else str(error)
        except UserError as error:
            return str(error)
        return None
