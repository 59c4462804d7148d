"""When it happens: the engines that let customers live under the rules of `cjsim.model`."""
