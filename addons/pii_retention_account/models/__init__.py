from . import account_move, account_move_document
from . import account_move_archive, account_move_send, ir_attachment, pii_subject
