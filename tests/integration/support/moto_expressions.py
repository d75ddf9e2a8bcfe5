"""Short cuts through moto's handling of DynamoDB's expressions, half the time of an UpdateItem.

An expression is split into tokens and parsed once in a process instead of at each call, and its syntax tree
is copied and walked without what makes that slow: ``copy.deepcopy``, and ``isinstance`` of abstract classes.
All checks of a tree, and what is done with it, stay moto's own.
"""

import copy
import functools
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.parsing.ast_nodes import (  # type: ignore[attr-defined]
    DepthFirstTraverser,
    Expression,
    Node,
    UpdateExpressionFunction,
)
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]

_is_kind: Any = functools.cache(issubclass)


@contextmanager
def quick_expressions() -> Iterator[None]:
    parse = functools.cache(UpdateExpressionParser.make)
    quick: list[tuple[type, str, Any]] = [
        # whoever changes a parsed tree copies it before
        (UpdateExpressionParser, "make", staticmethod(parse)),
        (ConditionExpressionParser, "_lex_condition_expression", _lexed_quickly(_lexed_once())),
        (DepthFirstTraverser, "traverse", _traverse),
        (Node, "find_clauses", _find_clauses),
    ]
    with ExitStack() as stack:
        for owner, name, function in quick:
            stack.enter_context(patch.object(owner, name, function))
        stack.enter_context(patch.object(Node, "__deepcopy__", _copied, create=True))
        yield


def _lexed_once() -> Any:
    lex = ConditionExpressionParser._lex_condition_expression

    @functools.cache
    def lexed(expression: str) -> list[Any]:
        return list(lex(ConditionExpressionParser(expression, {}, {})))

    return lexed


def _lexed_quickly(lexed: Any) -> Any:
    def lex(parser: ConditionExpressionParser) -> deque[Any]:
        return deque(node._replace(children=[]) for node in lexed(parser.condition_expression))

    return lex


def _copied(node: Any, memo: dict[int, Any]) -> Any:
    copied = object.__new__(type(node))
    copied.__dict__ |= node.__dict__
    if node.children is not None:
        copied.children = [copy.deepcopy(child, memo) for child in node.children]
        for child in copied.children:
            if _is_node(child):
                child.parent = copied
    return copied


def _is_node(value: Any) -> bool:
    return bool(_is_kind(type(value), Node))


def _traverse(traverser: Any, node: Any) -> Any:
    kinds = traverser.nodes_to_be_processed()

    def visit(node: Any, child_id: int) -> Any:
        if _is_node(node):
            parent = node.parent
            for number, child in enumerate(node.children or ()):
                traverser.pre_processing_of_child(node, number)
                visit(child, number)
            if _is_kind(type(node), kinds):
                node = traverser.process(node)
                node.parent = parent
                if parent:
                    parent.children[child_id] = node
        return node

    return visit(node, -1)


def _find_clauses(node: Any, kinds: list[type]) -> list[Any]:
    found = []
    for child in node.children or ():
        if type(child) in kinds:
            found.append(child)
        elif _is_kind(type(child), (Expression, UpdateExpressionFunction)):
            found += _find_clauses(child, kinds)
    return found
