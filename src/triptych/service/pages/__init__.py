"""Pages for people, over the same models as the routes: Jinja2 and htmx, nothing from another host.

`router` puts them together; `rendering` makes HTML of templates, and everything that comes from outside is escaped
there, but for answers of the FAQ, which `marking` cleans by a list of what is allowed.
"""
