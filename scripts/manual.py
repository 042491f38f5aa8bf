#!/usr/bin/env python3
"""A man page from its template and from what a program says of its own command line.

    scripts/manual.py TEMPLATE PROGRAM [CONFIGURATION] >PAGE

A line of the template that is one of these words alone is replaced; all else is passed on as it is:

    @synopsis@   how the program, or each of its commands, is called
    @commands@   each command with its arguments and those options that not every command has
    @common@     the options that every command has, or the program's own
    @keys@       the keys of CONFIGURATION (config/memwatchd.toml) with their defaults

and @version@ is, anywhere. So a page cannot know an option that the program does not, or lack one.
"""

import json
import re
import subprocess
import sys


def escaped(text):
    """Text as groff takes it literally; "-" stays the character that a shell understands."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\\&" + text if text.startswith(".") else text


def paragraphs(text):
    """A discussion, as lines of groff."""
    lines = []
    for block in re.split(r"\n\s*\n", text.strip()):
        if lines:
            lines.append(".PP")
        lines.append(escaped(" ".join(block.split())))
    return lines


# MARK: Command lines


def shown(command):
    """The arguments that the help shows; --help and --version are in every program there is."""
    return [
        argument
        for argument in command.get("arguments", [])
        if argument["shouldDisplay"] and argument["valueName"] not in ("help", "version")
    ]


def value(argument):
    return "\\fI" + escaped(argument["valueName"]) + "\\fR"


def names(argument):
    """--interval, -i: as they are typed."""
    return [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument.get("names", [])]


def term(argument):
    """What a list of options shows: --at time."""
    if argument["kind"] == "positional":
        return value(argument)
    text = ", ".join("\\fB" + escaped(name) + "\\fR" for name in names(argument))
    return text + " " + value(argument) if argument["kind"] == "option" else text


def in_synopsis(argument):
    if argument["kind"] == "positional":
        text = value(argument)
    else:
        text = "\\fB" + escaped(names(argument)[0]) + "\\fR"
        if argument["kind"] == "option":
            text += "\\ " + value(argument)
    if argument["isOptional"]:
        text = "[" + text + "]"
    return text + "..." if argument["isRepeating"] and argument["kind"] == "positional" else text


def explanation(argument):
    lines = [escaped(argument.get("abstract", ""))]
    if argument.get("discussion"):
        lines.append(escaped(" ".join(argument["discussion"].split())))
    if argument.get("defaultValue"):
        lines.append("The default is \\fB" + escaped(argument["defaultValue"]) + "\\fR.")
    return lines


def option_list(arguments):
    return [line for argument in arguments for line in [".TP", term(argument), *explanation(argument)]]


class CommandLine:
    def __init__(self, program):
        dump = subprocess.run(
            [program, "--experimental-dump-help"], stdout=subprocess.PIPE, check=True).stdout
        self.root = json.loads(dump)["command"]
        self.commands = [
            command for command in self.root.get("subcommands", [])
            if command["shouldDisplay"] and command["commandName"] != "help"
        ]
        lists = [shown(command) for command in self.commands] or [shown(self.root)]
        # What all have, said in the same words. "attach" prints no data, and so has no --format: half is most.
        self.common = [
            argument for argument in lists[0] if sum(argument in other for other in lists) > len(lists) / 2
        ]

    def synopsis(self):
        lines = []
        for command in self.commands or [self.root]:
            name = self.root["commandName"]
            if command is not self.root:
                name += " " + command["commandName"]
            words = " ".join(in_synopsis(argument) for argument in shown(command))
            lines += [".TP" if not lines else ".TQ", "\\fB" + escaped(name) + "\\fR " + words]
        # The hanging indent of a list without text.
        return [line for line in lines] + ["\\&"]

    def list_commands(self):
        lines = []
        for command in self.commands:
            lines += [".SS " + '"' + escaped(self.root["commandName"] + " " + command["commandName"]) + '"']
            lines += paragraphs(command.get("abstract", ""))
            if command.get("discussion"):
                lines += [".PP"] + paragraphs(command["discussion"])
            lines += option_list(argument for argument in shown(command) if argument not in self.common)
        return lines


# MARK: Configuration


def text_of(comment):
    return " ".join(line.lstrip("#").strip() for line in comment)


def keys(path):
    """Each section with its keys: a comment, and then one or several "#key = default"."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    tables = next((i for i, line in enumerate(lines) if line.startswith("#[[")), len(lines))
    # What is said of the tables stands above the first of them.
    about = tables
    while about > 0 and lines[about - 1].startswith("#"):
        about -= 1
    output, comment, last = [], [], ""
    for line in lines[:about]:
        if line.startswith("["):
            output += [".SS " + escaped(line)]
            comment = []
        elif match := re.match(r"#([a-z_]+) = (.*)", line):
            if comment:
                output += [".TP"]
            elif last == "key":
                # The same words hold for this one: it goes above them.
                output.insert(len(output) - 1, ".TQ")
                output.insert(len(output) - 1, "\\fB" + escaped(match[1] + " = " + match[2]) + "\\fR")
                continue
            output += ["\\fB" + escaped(match[1] + " = " + match[2]) + "\\fR", escaped(text_of(comment))]
            comment = []
        elif line.startswith("#"):
            comment.append(line)
        last = "key" if re.match(r"#[a-z_]+ = ", line) else ""
    if tables < len(lines):
        example = [line[1:] for line in lines[tables:] if line.startswith("#")]
        output += [".SS [[target]]", escaped(text_of(lines[about:tables]))]
        output += [".PP", ".RS", ".nf", *map(escaped, example), ".fi", ".RE"]
    return output


def main():
    template, program, *configuration = sys.argv[1:]
    line = CommandLine(program)
    parts = {
        "@synopsis@": line.synopsis,
        "@commands@": line.list_commands,
        "@common@": lambda: option_list(line.common),
        "@keys@": lambda: keys(configuration[0]),
    }
    answer = subprocess.run([program, "--version"], stdout=subprocess.PIPE, check=True, text=True).stdout
    version = answer.split()[-1]
    with open(template, encoding="utf-8") as file:
        for text in file.read().splitlines():
            if text in parts:
                print("\n".join(parts[text]()))
            else:
                print(text.replace("@version@", version))


if __name__ == "__main__":
    main()
