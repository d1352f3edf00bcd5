"""Reads a presentation as its user's programs do: `readPptx.py FILE` prints its slides as JSON.

With python-pptx where that is installed; else by the parts of the package, with the standard library alone.
A slide is {"title": text of the title placeholder or null, "notes": text, "tables": rows of cells, "texts": all texts,
"ellipses": how many}.
"""

import json
import sys


def with_library(path, pptx):
    slides = []
    for slide in pptx.Presentation(path).slides:
        title = slide.shapes.title
        tables = [
            [[cell.text for cell in row.cells] for row in shape.table.rows] for shape in slide.shapes if shape.has_table
        ]
        slides.append(
            {
                "title": title.text_frame.text if title is not None else None,
                "notes": slide.notes_slide.notes_text_frame.text if slide.has_notes_slide else "",
                "tables": tables,
                "texts": [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame],
                "ellipses": slide.part.blob.count(b'prst="ellipse"'),
            }
        )
    return {"reader": f"python-pptx {pptx.__version__}", "slides": slides}


def by_parts(path):
    import posixpath
    import zipfile
    from xml.etree import ElementTree

    a = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
    p = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
    r = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"

    def text(element):
        return "\n".join(
            "".join(run.text or "" for run in paragraph.iter(f"{a}t")) for paragraph in element.iter(f"{a}p")
        )

    with zipfile.ZipFile(path) as package:

        def part(name):
            return ElementTree.fromstring(package.read(name))

        def related(name):
            folder, file = posixpath.split(name)
            rels = f"{folder}/_rels/{file}.rels"
            if rels not in package.namelist():
                return {}
            return {
                one.get("Id"): (one.get("Type"), posixpath.normpath(posixpath.join(folder, one.get("Target"))))
                for one in part(rels)
            }

        def placeholder(shape):
            found = shape.find(f"{p}nvSpPr/{p}nvPr/{p}ph")
            return None if found is None else found.get("type", "body")

        main = "ppt/presentation.xml"
        slides = []
        for entry in part(main).iter(f"{p}sldId"):
            name = related(main)[entry.get(f"{r}id")][1]
            shapes = list(part(name).iter(f"{p}sp"))
            titles = [text(shape) for shape in shapes if placeholder(shape) in ("title", "ctrTitle")]
            notes = ""
            for kind, target in related(name).values():
                if kind.endswith("/notesSlide"):
                    bodies = [shape for shape in part(target).iter(f"{p}sp") if placeholder(shape) == "body"]
                    notes = "\n".join(map(text, bodies))
            tables = [
                [[text(cell) for cell in row.iter(f"{a}tc")] for row in table.iter(f"{a}tr")]
                for table in part(name).iter(f"{a}tbl")
            ]
            texts = [text(shape) for shape in shapes]
            slides.append(
                {
                    "title": titles[0] if titles else None,
                    "notes": notes,
                    "tables": tables,
                    "texts": texts,
                    "ellipses": package.read(name).count(b'prst="ellipse"'),
                }
            )
    return {"reader": "the standard library", "slides": slides}


try:
    import pptx
except ImportError:
    pptx = None

print(json.dumps(with_library(sys.argv[1], pptx) if pptx else by_parts(sys.argv[1])))
