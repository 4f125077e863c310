"""The README: short, with links that lead somewhere, and the packages that the scripts install. readme.py ROOT"""
import os
import re
import sys

root = sys.argv[1]
with open(f"{root}/README.md") as file:
    readme = file.read()
with open(f"{root}/scripts/packages.sh") as file:
    build_packages = re.search(r"build_packages=\((.*?)\)", file.read(), re.DOTALL).group(1).split()
failed = []
if len(readme.splitlines()) > 130:
    failed.append(f"README.md has {len(readme.splitlines())} lines, 130 at most")
listed = re.search(r"apt-get install (.*?)```", readme, re.DOTALL).group(1).replace("\\\n", " ").split()
if listed != build_packages:
    failed.append(f"the README installs {listed}, scripts/packages.sh {build_packages}")
pages = ["README.md"] + [f"docs/{name}" for name in sorted(os.listdir(f"{root}/docs")) if name.endswith(".md")]
headings = {}
for page in pages:
    with open(f"{root}/{page}") as file:
        headings[page] = {re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
                          for line in file if line.startswith("#")}
for page in pages:
    with open(f"{root}/{page}") as file:
        text = file.read()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(f"{root}/{there}"):
            failed.append(f"{page}: there is no {target}")
        elif anchor and there in headings and anchor not in headings[there]:
            failed.append(f"{page}: {there} has no heading #{anchor}")
print("\n".join(failed) or f"{len(pages)} pages: all links lead somewhere")
sys.exit(1 if failed else 0)
