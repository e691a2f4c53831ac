"""Bộ đồ nghề của bên nhận webhook: mỗi tệp đứng một mình, chép đi là dùng được (what receivers copy)."""
