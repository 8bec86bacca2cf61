import { list, paragraph, type Topic, type TopicEntry } from './topic.ts';

/** Every environment variable that the program itself reads; separated by commas where several do the same. */
export const VARIABLES: readonly TopicEntry[] = [
  [
    'TMPDIR, TMP, TEMP',
    'The folder of temporary files: images that are unpacked before they are scanned, and what gpg is given to check. The first that is set counts; default /tmp. Unpacked images have no name there and are gone with the program.',
  ],
  ['NO_COLOR', 'If it is set and not empty, nothing is coloured.'],
  ['TERM', 'With the value dumb, the picture of bmap inspect is not coloured.'],
  [
    'http_proxy, HTTP_PROXY',
    'The proxy for http addresses, for example http://proxy.example.org:3128. The small letters count first.',
  ],
  ['https_proxy, HTTPS_PROXY', 'The proxy for https addresses.'],
  ['no_proxy, NO_PROXY', 'Hosts that are asked without a proxy, separated by commas; * for all.'],
  [
    'NETRC',
    'The file with logins for http, https and ftp servers, in the form of netrc(5). Default: .netrc in the home folder. A login in the address counts first.',
  ],
  ['HOME', 'The home folder, where .netrc is looked for.'],
  [
    'PATH',
    'Where programs are looked for: gpg and gpgv, ssh and sshpass, and decompressors whose library is not installed.',
  ],
  [
    'UV_THREADPOOL_SIZE',
    'How many threads decompress, read and write. Default: two more than there are processors, and at least 4.',
  ],
];

export const environmentTopic: Topic = {
  title: 'Environment',
  blocks: [
    list(VARIABLES),
    paragraph(
      'Programs that are started are given all of the environment, so what they read counts as well: GNUPGHOME for gpg, SSH_AUTH_SOCK for ssh. gpg is run with LC_ALL=C. Node.js has variables of its own, such as NODE_EXTRA_CA_CERTS for the certificates of https servers and NODE_OPTIONS.',
    ),
  ],
};
