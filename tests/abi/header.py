# SPDX-License-Identifier: Apache-2.0
"""Reads failback/plugin.h: what of it is ABI, and what an edit has done to it. It knows the few forms that the header's own rules allow.

usage: header.py layout HEADER         static assertions that pin every member and every constant (tests/abi/RELEASE/layout.h)
       header.py sizes HEADER          sizes of the structs, for a host that is cut down to that release (tests/abi/RELEASE/sizes.h)
       header.py compare OLD NEW       fails unless NEW is OLD or appends to it
       header.py freeze HEADER FOLDER  writes all of it: what a release does, once"""
import os
import re
import shutil
import sys

# (pointer, alignment of int64_t in a struct): LP64; ILP32 as on arm; ILP32 as on i386
MODELS = ((8, 8), (4, 8), (4, 4))
NOT_PINNED = {"FB_ABI_MINOR", "FB_ABI_STAGE"}  # what a new minor changes


class Bad(Exception):
    pass


class Member:
    def __init__(self, text, constants):
        text = " ".join(text.split())
        text = re.sub(r"\s*FB_FORMAT\([^)]*\)", "", text)
        function = re.fullmatch(r"(.*?)\(\*(\w+)\)\s*(\(.*\))", text)
        plain = re.fullmatch(r"(.*?)(\w+)(?:\[(\w+)\])?", text)
        self.text = text
        if function:
            self.name, self.type = function[2], f"{function[1]}(*){function[3]}"
            self.kind, self.count = "pointer", 1
            return
        if not plain:
            raise Bad(f"a member in a form that the header's rules do not know: {text}")
        base = plain[1].strip()
        self.name = plain[2]
        self.count = constants(plain[3]) if plain[3] else 1
        self.type = base + (" *" if plain[3] else "")  # in _Generic an array is a pointer
        if base.endswith("*"):
            self.kind = "pointer"
        else:
            size = re.fullmatch(r"u?int(8|16|32|64)_t", base)
            if not size:
                raise Bad(f"a member of a type that the header's rules do not allow: {text}")
            self.kind = int(size[1]) // 8

    def size(self, model):
        return (model[0] if self.kind == "pointer" else self.kind) * self.count

    def alignment(self, model):
        one = self.size(model) // self.count
        return min(one, model[1])


class Header:
    def __init__(self, text):
        self.text = text
        bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        self.constants = {}
        for name, value in re.findall(r"^#define (FB_\w+)[ \t]+(\S.*?)[ \t]*$", bare, flags=re.M):
            if re.fullmatch(r'-?(0x)?[0-9a-fA-F]+u?|".*"', value):
                self.constants[name] = value
        self.structs = {}
        for name, body in re.findall(r"^struct (fb_\w+) \{\n(.*?)^\};", bare, flags=re.S | re.M):
            self.structs[name] = [Member(m, self.number) for m in body.split(";") if m.strip()]

    def number(self, name):
        return int((self.constants.get(name) or name).rstrip("u"), 0)

    def layout(self, struct, model):
        """[(member, offset)], size"""
        at, widest, found = 0, 1, []
        for m in self.structs[struct]:
            a = m.alignment(model)
            at = (at + a - 1) // a * a
            found.append((m, at))
            at += m.size(model)
            widest = max(widest, a)
        return found, (at + widest - 1) // widest * widest


def read(path):
    with open(path, encoding="utf-8") as f:
        return Header(f.read())


NOTICE = """/* SPDX-License-Identifier: Apache-2.0 */
/* Made once, when the release was made, by tests/abi/header.py {command} from this folder's failback/plugin.h. Never edited. */
"""


def layout(header):
    lines = [NOTICE.format(command="layout"), """/*
 * Every member of every struct: offset and size on LP64 (x86-64, aarch64, riscv64, …), on ILP32 where int64_t is aligned to 8 (arm), and to 4
 * (i386); its type; and every constant. A struct may be longer than this by what was appended; FB_LAYOUT_EXACT: it is just this long.
 */
#if __SIZEOF_POINTER__ == 8
#define FB_LAYOUT(lp64, ilp32, i386) (lp64)
#elif defined(__i386__)
#define FB_LAYOUT(lp64, ilp32, i386) (i386)
#else
#define FB_LAYOUT(lp64, ilp32, i386) (ilp32)
#endif
#ifdef FB_LAYOUT_EXACT
#define FB_LONG(s, n) _Static_assert(sizeof(struct s) == (n), "struct " #s " has another size")
#else
#define FB_LONG(s, n) _Static_assert(sizeof(struct s) >= (n), "struct " #s " has lost members")
#endif
#define FB_AT(s, m, n, o) \\
	_Static_assert(offsetof(struct s, m) == (o), "struct " #s ": " #m " has moved"); \\
	_Static_assert(sizeof(((struct s *)0)->m) == (n), "struct " #s ": " #m " has another size")
#define FB_TYPE(s, m, ...) _Static_assert(_Generic(((struct s *)0)->m, __VA_ARGS__: 1, default: 0), "struct " #s ": " #m " has another type")
#define FB_IS(name, value) _Static_assert((name) == (value), #name " has another value")
"""]
    for struct in header.structs:
        models = [header.layout(struct, m) for m in MODELS]
        lines.append("FB_LONG({}, FB_LAYOUT({}, {}, {}));".format(struct, *(size for _, size in models)))
        for i, (member, _) in enumerate(models[0][0]):
            sizes = [member.size(m) for m in MODELS]
            size = str(sizes[0]) if len(set(sizes)) == 1 else "FB_LAYOUT({}, {}, {})".format(*sizes)
            lines.append("FB_AT({}, {}, {}, FB_LAYOUT({}, {}, {}));".format(struct, member.name, size, *(m[0][i][1] for m in models)))
            lines.append(f"FB_TYPE({struct}, {member.name}, {member.type});")
        lines.append("")
    for name, value in header.constants.items():
        if name not in NOT_PINNED and not value.startswith('"') and not name.startswith("FB_LAYOUT"):
            lines.append(f"FB_IS({name}, {value});")
    lines.append("""
#undef FB_LAYOUT
#undef FB_LONG
#undef FB_AT
#undef FB_TYPE
#undef FB_IS""")
    return "\n".join(lines) + "\n"


def sizes(header):
    lines = [NOTICE.format(command="sizes"), f"#define OUR_MINOR {header.constants['FB_ABI_MINOR']}", "#define OURS(type) OURS_##type", ""]
    for condition, model in (("#if __SIZEOF_POINTER__ == 8", MODELS[0]), ("#elif defined(__i386__)", MODELS[2]), ("#else", MODELS[1])):
        lines.append(condition)
        lines += [f"#define OURS_{struct} {header.layout(struct, model)[1]}u" for struct in header.structs]
    return "\n".join(lines + ["#endif"]) + "\n"


def compare(old, new):
    """What is wrong with new as a later header of the same major; [] when nothing is. A release candidate may grow without a new minor."""
    wrong = []
    for name, value in old.constants.items():
        if name not in NOT_PINNED and new.constants.get(name) != value:
            wrong.append(f"{name} was {value}, now {new.constants.get(name, 'gone')}: a constant is never changed, add one")
    for struct, members in old.structs.items():
        now = new.structs.get(struct)
        if now is None:
            wrong.append(f"struct {struct} is gone")
            continue
        for i, m in enumerate(members):
            if i >= len(now):
                wrong.append(f"struct {struct}: {m.name} is gone")
                break
            if now[i].text != m.text:
                wrong.append(f"struct {struct}: where '{m.text}' stood, '{now[i].text}' stands: members are only appended")
                break
        else:
            for model in MODELS:
                (found, _), (_, size) = new.layout(struct, model), old.layout(struct, model)
                if len(found) > len(members) and found[len(members)][1] < size:
                    wrong.append(f"struct {struct}: with pointers of {model[0]} bytes {found[len(members)][0].name} lies in what was padding, "
                                 "so that sizes cannot tell whether an author has it: append an int64_t first")
                    break
    minors = [h.number("FB_ABI_MINOR") for h in (old, new)]
    longer = [s for s in old.structs if len(new.structs.get(s, ())) > len(old.structs[s])]
    if longer and minors[0] == minors[1] and not wrong and old.constants["FB_ABI_STAGE"] != '"rc"':
        wrong.append(f"struct {longer[0]} has grown and FB_ABI_MINOR is still {minors[0]}: raise it")
    if minors[1] < minors[0]:
        wrong.append(f"FB_ABI_MINOR has gone from {minors[0]} to {minors[1]}")
    return wrong


def freeze(path, folder):
    header = read(path)
    os.makedirs(os.path.join(folder, "failback"), exist_ok=True)
    shutil.copyfile(path, os.path.join(folder, "failback/plugin.h"))
    for name, text in (("layout.h", layout(header)), ("sizes.h", sizes(header))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)


def main(arguments):
    if len(arguments) == 2 and arguments[0] in ("layout", "sizes"):
        sys.stdout.write({"layout": layout, "sizes": sizes}[arguments[0]](read(arguments[1])))
    elif len(arguments) == 3 and arguments[0] == "compare":
        wrong = compare(read(arguments[1]), read(arguments[2]))
        for line in wrong:
            print(f"{arguments[2]}: {line}", file=sys.stderr)
        return 1 if wrong else 0
    elif len(arguments) == 3 and arguments[0] == "freeze":
        freeze(arguments[1], arguments[2])
    else:
        print(__doc__, file=sys.stderr)
        return 64
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
