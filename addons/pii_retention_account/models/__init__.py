from . import account_move, account_move_send, ir_attachment
