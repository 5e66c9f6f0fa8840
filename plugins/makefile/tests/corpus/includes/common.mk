SHARED = 1
shared:
	echo shared
