import { BlockList, isIP } from 'node:net';

/** Networks of IPv4 that are not the public internet: by the IANA registry, and Azure's metadata. */
const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];
/**
 * All of IPv6 that is given out to the public. What stands for an address of IPv4 (mapped, NAT64) is outside of
 * it, as are private, link-local and multicast addresses.
 */
const PUBLIC_V6 = '2000::/3';
/** What of that is not public: tunnels that hold an address of IPv4, and networks for documentation. */
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const special = new BlockList();
for (const network of SPECIAL_V4) add(special, network, 'ipv4');
for (const network of SPECIAL_V6) add(special, network, 'ipv6');
const publicV6 = new BlockList();
add(publicV6, PUBLIC_V6, 'ipv6');

/** True for an IP address that a server on the public internet can have. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4');
    case 6:
      // With a zone it is an address of this link.
      return (
        !address.includes('%') && publicV6.check(address, 'ipv6') && !special.check(address, 'ipv6')
      );
    default:
      return false;
  }
}

function add(list: BlockList, network: string, type: 'ipv4' | 'ipv6'): void {
  const [address = '', bits] = network.split('/');
  list.addSubnet(address, Number(bits), type);
}
